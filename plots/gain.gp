# Relative gain of each contrast with its 95% interval, one colour for each number of shots.
# Reads gains.csv of the current folder, writes gain.svg and gain.png. `bench run` puts the series above:
#   experiment, metric, shots (numbers), and the words of each series in arms, baselines and ratios.
set datafile separator ","
set datafile missing ""
n = words(arms)
m = words(shots)
tag(i) = sprintf("%s%s\nagainst %s", word(arms, i), \
    (word(ratios, i) + 0 > 0 && word(ratios, i) + 0 < 1) ? " (".word(ratios, i).")" : "", word(baselines, i))
# Series from the top, shots side by side within a series.
place(i, j) = n - i + 1 + (m > 1 ? 0.4 * (0.5 - (j - 1.0) / (m - 1)) : 0)
picked(i, j) = strcol("metric") eq metric && strcol("arm") eq word(arms, i) \
    && strcol("baseline") eq word(baselines, i) && column("ratio") == word(ratios, i) + 0 \
    && column("shots") == word(shots, j) + 0
shown(i, j, name) = !picked(i, j) ? NaN : strcol(name) eq "" ? column("percent") : column(name) # one seed: no interval

set title sprintf("%s: gain in %s", experiment, metric) noenhanced
set xlabel "relative gain in percent, 95% interval over paired seeds"
set xrange [* < -1 : 1 < *]
set yrange [0.3 : n + 0.7]
set ytics () noenhanced
set for [i = 1:n] ytics add (tag(i) n - i + 1)
set lmargin 26
set bmargin 5
set grid xtics
set arrow from 0, graph 0 to 0, graph 1 nohead linewidth 1.5 linecolor rgb "#555555"
set key outside bottom center horizontal
if (m < 2) { unset key }

do for [kind in "svg png"] {
    if (kind eq "svg") {
        set terminal svg size 800, 160 + 60 * n background rgb "white"
    } else {
        set terminal png size 800, 160 + 60 * n
    }
    set output "gain.".kind
    plot for [j = 1:m] for [i = 1:n] "gains.csv" \
        using (shown(i, j, "percent")):(place(i, j)):(shown(i, j, "percent_low")):(shown(i, j, "percent_high")) \
        with xerrorbars linewidth 2 pointtype 7 pointsize 1 linecolor j \
        title (i == 1 ? word(shots, j)." shots" : "")
    unset output
}
