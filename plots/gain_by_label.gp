# Gain label by label: a panel for each contrast, all on one scale. Above it:
#   panels, panel_names[]; labels, label_names[], from the top; series, series_names[]; low, high
#   $points    gain, place, low, high, series, filled (filled_means, in words), panel
columns = panels > 1 ? 2 : 1
rows = (panels + columns - 1) / columns
longest = 4
do for [i = 1:labels] { if (strlen(label_names[i]) > longest) { longest = strlen(label_names[i]) } }
w = 44.0
left = 1.8 + 0.6 * longest
if (left > 18) { left = 18 }
gap = 1.2
wide = (w - left - 1 - (columns - 1) * gap) / columns
tall = labels * (1.1 + 0.42 * series) + 0.6
head = 3.4
foot = 2.0
h = rows * (head + tall + foot) + 2.0 + legend_height
set xrange [low : high]
set yrange [-labels - 0.6 : -0.4]
set border 1
unset ytics
set format x "%+g"
set xtics tick_step(high - low, 4)
set xtics add ("0" 0)
set grid noytics xtics linestyle 100
set arrow 1 from first 0, graph 0 to first 0, graph 1 nohead linestyle 101
bar(p, j, k) = column(7) == p && column(5) == j ? column(k) : NaN
dot(p, j, full) = column(7) == p && column(5) == j && column(6) == full ? column(1) : NaN
unset key
do for [kind in formats] {
    eval terminal(kind, w, h)
    set output name.".".kind
    set multiplot
    do for [p = 1:panels] {
        c = (p - 1) % columns
        r = (p - 1) / columns
        x = left + c * (wide + gap)
        y = h - r * (head + tall + foot) - head
        set lmargin at screen x / w
        set rmargin at screen (x + wide) / w
        set tmargin at screen y / h
        set bmargin at screen (y - tall) / h
        set label 1 panel_names[p] at screen (x + wide / 2) / w, screen (y + 2.4) / h center noenhanced textcolor rgb "#333333"
        do for [i = 1:labels] {
            if (c == 0) { set label 100 + i label_names[i] at graph 0, first -i right offset -0.8, 0 noenhanced } else { unset label 100 + i }
        }
        if (p == 1) {
            set label 3 "gain in ".metric.", 95% interval; ".filled_means at screen 0.5, screen (legend_height + 1.2) / h center noenhanced
            do for [i = 1:(legend_rows ? series : 0)] {
                set label 1000 + i series_names[i] at screen legend_x[i] / w, screen legend_y(i) / h left offset 1, -0.1 \
                    noenhanced point pointtype filled(i) pointsize 0.65 linecolor rgb colour(i)
            }
        }
        plot for [j = 1:series] $points using (bar(p, j, 1)):2:3:4 with xerrorbars pointtype -1 linewidth 1.3 linecolor rgb colour(j) notitle, \
            for [j = 1:series] $points using (dot(p, j, 0)):2 with points pointtype filled(j) pointsize 0.5 linecolor rgb "white" notitle, \
            for [j = 1:series] $points using (dot(p, j, 0)):2 with points pointtype hollow(j) pointsize 0.5 linewidth 1.3 linecolor rgb colour(j) notitle, \
            for [j = 1:series] $points using (dot(p, j, 1)):2 with points pointtype filled(j) pointsize 0.5 linecolor rgb colour(j) notitle
        if (p == 1) {
            unset label 2
            unset label 3
            do for [i = 1:(legend_rows ? series : 0)] { unset label 1000 + i }
        }
    }
    unset multiplot
    unset output
}
