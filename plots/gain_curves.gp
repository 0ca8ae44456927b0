# Gain against shots, or against ratio: a panel for each contrast, all on one scale. Above it:
#   panels, panel_names[]; series, series_names[]; ticks, tick_places[] (0 to 1), tick_names[]; axis (in words)
#   low, high      range of the gains, 0 included
#   $points        place, gain, low, high, panel, series; within a series by place
columns = panels > 1 ? 2 : 1
rows = (panels + columns - 1) / columns
w = 44.0
left = 5.0
gap = 1.5
wide = (w - left - 1 - (columns - 1) * gap) / columns
tall = 9.5
head = 3.4
foot = 2.0
h = rows * (head + tall + foot) + 2.0 + legend_height
set xrange [-0.12 : 1.12]
set yrange [low : high]
set xtics ()
set for [i = 1:ticks] xtics add (tick_names[i] tick_places[i])
set ytics tick_step(high - low, 6)
set ytics add ("0" 0)
set format y "%+g"
set grid ytics linestyle 100
set border 3
set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead linestyle 101
pick(p, j, k) = column(5) == p && column(6) == j ? column(k) : NaN
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
        set format y (c == 0 ? "%+g" : "")
        set ytics add ((c == 0 ? "0" : "") 0)
        set label 1 panel_names[p] at screen (x + wide / 2) / w, screen (y + 2.4) / h center noenhanced textcolor rgb "#333333"
        if (p == 1) {
            set label 2 "gain in ".metric." (%), 95% interval" at screen 0.9 / w, screen (0.5 + (legend_height + 2) / h / 2) center rotate by 90 noenhanced
            set label 3 axis at screen 0.5, screen (legend_height + 1.2) / h center noenhanced
            do for [i = 1:(legend_rows ? series : 0)] {
                set label 1000 + i series_names[i] at screen legend_x[i] / w, screen legend_y(i) / h left offset 1, -0.1 \
                    noenhanced point pointtype filled(i) pointsize 0.65 linecolor rgb colour(i)
            }
        }
        plot for [j = 1:series] $points using 1:(pick(p, j, 2)) with lines linewidth 1.5 linecolor rgb colour(j) notitle, \
            for [j = 1:series] $points using 1:(pick(p, j, 2)):3:4 with yerrorbars pointtype filled(j) pointsize 0.6 linewidth 1.2 linecolor rgb colour(j) notitle
        if (p == 1) {
            unset label 2
            unset label 3
            do for [i = 1:(legend_rows ? series : 0)] { unset label 1000 + i }
        }
    }
    unset multiplot
    unset output
}
