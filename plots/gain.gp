# Forest plot: the relative gain of each contrast with its interval. Above it:
#   groups, group_names[], group_places[], rules[]   a contrast each, from the top; lines below them
#   lines, line_places[], line_numbers[]    its lines, one for each number of shots, with the gain in words
#   series, series_names[]                  numbers of shots; top, the height of all lines in em
#   low, high                               range of the gains, 0 included
#   $points                                 gain, place, low, high, series, filled; filled_means, in words
w = 44.0
h = top + 7.6 + legend_height
set lmargin at screen 16.5 / w
set rmargin at screen 1 - 12.3 / w
set tmargin at screen 1 - 2.2 / h
set bmargin at screen (h - 2.2 - top) / h
set yrange [-top : 0]
set xrange [low : high]
set border 1
unset ytics
set for [i = 1:groups] label group_names[i] at graph 0, first group_places[i] right offset -1, 0.5 noenhanced
set for [i = 1:lines] label line_numbers[i] at graph 1, first line_places[i] left offset 1.2, 0 noenhanced
set label "gain (%) [95% interval]" at screen 1, screen 1 - 1.1 / h right offset -0.6, 0 noenhanced textcolor rgb "#333333"
set label metric at screen 0, screen 1 - 1.1 / h left offset 0.6, 0 noenhanced textcolor rgb "#333333"
set for [i = 1:groups - 1] arrow from screen 0.015, first rules[i] to screen 0.985, first rules[i] nohead linestyle 100
set arrow from first 0, graph 0 to first 0, graph 1 nohead linestyle 101 front
set label "gain against the baseline (%)\n".filled_means at screen 0.5, screen (legend_height + 2.6) / h center noenhanced
set xtics tick_step(high - low, 6)
set xtics add ("0" 0)
set format x "%+g"
unset key
do for [i = 1:(legend_rows ? series : 0)] {
    set label 1000 + i series_names[i] at screen legend_x[i] / w, screen legend_y(i) / h left offset 1, -0.1 noenhanced \
        point pointtype filled(i) pointsize 0.65 linecolor rgb colour(i)
}
bar(j, k) = column(5) == j ? column(k) : NaN
dot(j, k, full) = column(5) == j && column(6) == full ? column(k) : NaN
do for [kind in formats] {
    eval terminal(kind, w, h)
    set output name.".".kind
    plot for [j = 1:series] $points using (bar(j, 1)):2:3:4 with xerrorbars pointtype -1 linewidth 1.5 linecolor rgb colour(j) notitle, \
        for [j = 1:series] $points using (dot(j, 1, 0)):2 with points pointtype filled(j) pointsize 0.65 linecolor rgb "white" notitle, \
        for [j = 1:series] $points using (dot(j, 1, 0)):2 with points pointtype hollow(j) pointsize 0.65 linewidth 1.5 linecolor rgb colour(j) notitle, \
        for [j = 1:series] $points using (dot(j, 1, 1)):2 with points pointtype filled(j) pointsize 0.65 linecolor rgb colour(j) notitle
    unset output
}
