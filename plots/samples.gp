# Real and synthetic images, label by label. Above it: rows, labels[], kinds[]; columns; step, pixels from image to image.
# samples.gray has them as one picture, a byte a pixel.
w = 44.0
left = 7.0
cell = (w - left - 0.5) / columns
h = rows * cell + 0.5 + 1.6 * (rows / 2)
set xrange [0 : columns * step]
set border 0
unset tics
unset key
unset colorbox
set palette gray
set cbrange [0 : 255]
set lmargin at screen left / w
set rmargin at screen 1 - 0.5 / w
do for [kind in formats] {
    eval terminal(kind, w, h)
    set output name.".".kind
    set multiplot
    do for [r = 1:rows] {
        y = h - 1.6 * ((r + 1) / 2) - (r - 1) * cell
        set tmargin at screen y / h
        set bmargin at screen (y - cell) / h
        set yrange [0 : step]
        set label 1 kinds[r] at graph 0, graph 0.5 right offset -0.5, 0 noenhanced
        if (r % 2 == 1) { set label 2 labels[r] at graph 0, graph 1 left offset 0.2, 0.6 noenhanced } else { unset label 2 }
        plot "samples.gray" binary array=(columns * step, step) skip=(r - 1) * columns * step * step format="%uchar" flip=y \
            origin=(0.5, 0.5) using 1 with image
    }
    unset multiplot
    unset output
}
