# What each player of the generator's training minimised: the mean over the seeds, and from the lowest to the highest.
# Above it:
#   panels, panel_names[] (numbers of shots); series, series_names[] (players)
#   $losses    a block for each panel: update, then mean, lowest and highest of each player
columns = panels > 1 ? 2 : 1
rows = (panels + columns - 1) / columns
w = 44.0
left = 4.6
gap = 1.6
wide = (w - left - 1 - (columns - 1) * gap) / columns
tall = panels > 1 ? 9 : 13
head = panels > 1 ? 2.2 : 1.0
foot = 2.0
h = rows * (head + tall + foot) + 2.0 + legend_height
lowest = 0
highest = 0
do for [p = 1:panels] {
    do for [j = 1:series] {
        stats $losses index p - 1 using 3 * j name "S" nooutput
        stats $losses index p - 1 using 3 * j + 1 name "T" nooutput
        if (S_min < lowest) { lowest = S_min }
        if (T_max > highest) { highest = T_max }
    }
}
stats $losses using 1 name "U" nooutput # before the ranges, which it would heed
set yrange [lowest : 1.04 * highest]
set xrange [0 : U_max]
set grid ytics linestyle 100
set border 3
set xtics tick_step(U_max, panels > 1 ? 3 : 6)
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
        set format y (c == 0 ? "%g" : "")
        set label 1 (panels > 1 ? panel_names[p] : "") at screen (x + wide / 2) / w, screen (y + 1.1) / h center noenhanced textcolor rgb "#333333"
        if (p == 1) {
            set label 2 "loss" at screen 0.8 / w, screen (0.5 + (legend_height + 2) / h / 2) center rotate by 90
            set label 3 "updates of the generator" at screen 0.5, screen (legend_height + 1.2) / h center
            do for [i = 1:(legend_rows ? series : 0)] {
                set label 1000 + i series_names[i] at screen legend_x[i] / w, screen legend_y(i) / h left offset 1, -0.1 \
                    noenhanced point pointtype 5 pointsize 1 linecolor rgb colour(i)
            }
        }
        plot for [j = 1:series] $losses index p - 1 using 1:(column(3 * j)):(column(3 * j + 1)) with filledcurves fillstyle transparent solid 0.25 noborder linecolor rgb colour(j) notitle, \
            for [j = 1:series] $losses index p - 1 using 1:(column(3 * j - 1)) with lines linewidth 1.2 linecolor rgb colour(j) notitle
        if (p == 1) {
            unset label 2
            unset label 3
            do for [i = 1:(legend_rows ? series : 0)] { unset label 1000 + i }
        }
    }
    unset multiplot
    unset output
}
