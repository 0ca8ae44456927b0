# Before every figure. `bench plot` puts above it: name (of the files), formats ("svg pdf"), and the figure's data.
# Lengths are in em, letters' heights: 44 are a column of a journal (3.7 inches at 6 points).
set encoding utf8
set datafile separator "\t"
terminal(kind, w, h) = kind eq "svg" ? \
    sprintf("set terminal svg size %d, %d font 'sans-serif,15' background rgb 'white'", 15 * w, 15 * h) : \
    kind eq "pdf" ? sprintf("set terminal pdfcairo size %.3fin, %.3fin font 'sans,6' fontscale 0.75", w * 6 / 72, h * 6 / 72) : \
    sprintf("set terminal pngcairo size %d, %d font 'sans,20' fontscale 0.75", 20 * w, 20 * h)
# Okabe and Ito's colours, that colour-blind eyes tell apart; shapes tell them apart in print, too.
colour(i) = word("#0072b2 #d55e00 #009e73 #cc79a7 #e69f00 #56b4e9 #000000", (i - 1) % 7 + 1)
filled(i) = word("7 5 9 13 11 15 7", (i - 1) % 7 + 1) + 0
hollow(i) = word("6 4 8 12 10 14 6", (i - 1) % 7 + 1) + 0
set style line 100 linecolor rgb "#dddddd" linewidth 0.5
set style line 101 linecolor rgb "#333333" linewidth 1
set border linecolor rgb "#666666" linewidth 0.6
set tics nomirror scale 0.4 textcolor rgb "#333333"
set bars small
# A round step between the ticks of an axis that is to have about n.
power(x) = 10.0 ** floor(log10(x))
round_up(x) = x <= 1 ? 1 : x <= 2 ? 2 : x <= 5 ? 5 : 10
# (1.0: two whole numbers would be divided as such.)
tick_step(range, n) = round_up(1.0 * range / n / power(1.0 * range / n)) * power(1.0 * range / n)
# The legend's entries below a figure: em from the left, and rows from the top; centred if one row is enough.
legend_width(name) = 0.6 * strlen(name) + 2.6
legend_rows = 0
if (exists("series")) {
    array legend_x[series]
    array legend_row[series]
    legend_total = 0
    do for [i = 1:series] { legend_total = legend_total + legend_width(series_names[i]) }
    legend_end = legend_total < 42 ? 22 - legend_total / 2 : 1.5
    legend_rows = 1
    do for [i = 1:series] {
        if (legend_end + legend_width(series_names[i]) > 43.5 && legend_end > 1.5) {
            legend_rows = legend_rows + 1
            legend_end = 1.5
        }
        legend_x[i] = legend_end + 0.5
        legend_row[i] = legend_rows
        legend_end = legend_end + legend_width(series_names[i])
    }
    if (series < 2) { legend_rows = 0 }
}
legend_height = 1.4 * legend_rows
legend_y(i) = legend_height - 1.4 * legend_row[i] + 0.9
