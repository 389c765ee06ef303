# The diffusion in a slice of an original and of results: directions as colours, tensors, fibre orientation distributions.
#
# Draw again after a change:   gnuplot glyphs.gp
# One format only:             gnuplot -e "formats = 'png'" glyphs.gp
#
# The tiles are colours-0.png (the original's), colours-1.png and so on, likewise tensor and fod. glyphs-data.gp, beside this
# script, says which there are.

if (!exists("formats")) formats = "svg png"
load "glyphs-data.gp"

# Sizes in units; a PNG has two pixels a unit, so that a tile of glyphs keeps its own.
size_x(row) = value(row . "_x")
size_y(row) = value(row . "_y")
tile_x = 0.5 * size_x(word(rows, words(rows)))
tile_y(row) = tile_x * size_y(row) / size_x(row) * (row eq "colours" ? pixel : 1)
gap = 6
head = exists("note_1") ? 42 : 26
side = 26
width = side + (n + 1) * (tile_x + gap)
height = head
do for [row in rows] { height = height + tile_y(row) + gap }

open_svg = "set terminal svg noenhanced size %d,%d font 'sans-serif,12' background 'white'"
open_png = "set terminal pngcairo noenhanced size %d,%d font 'sans-serif,9' fontscale 2 linewidth 2"
open_picture(format) = (format eq "svg" ? sprintf(open_svg, width, height) : \
    sprintf(open_png, 2 * width, 2 * height)) . sprintf("; set output 'glyphs.%s'", format)

label(i) = i == 0 ? "original" : value(sprintf("label_%d", i))
note(i) = i > 0 && exists("note_1") ? value(sprintf("note_%d", i)) : ""
title_of(row) = row eq "colours" ? "first eigenvector x FA" : row eq "tensor" ? "tensors" : "fibre orientations"
left(i) = side + i * (tile_x + gap)
place(i, row, top) = \
    sprintf("set lmargin at screen %f; set rmargin at screen %f; set tmargin at screen %f; set bmargin at screen %f", \
    left(i) / width, (left(i) + tile_x) / width, top / height, (top - tile_y(row)) / height)

unset key
unset border
unset xtics
unset ytics

do for [format in formats] {
    eval open_picture(format)
    set multiplot
    top = height - head
    do for [row in rows] {
        set xrange [-0.5:size_x(row) - 0.5]
        set yrange [-0.5:size_y(row) - 0.5]
        unset object
        if (row eq "colours" && region_nx * region_ny < size_x(row) * size_y(row)) {
            set object 1 rectangle from region_x - 0.5, region_y - 0.5 to region_x + region_nx - 0.5, region_y + region_ny - 0.5 \
                front fillstyle empty border linecolor rgb "white"
        }
        do for [i = 0:n] {
            eval place(i, row, top)
            unset label
            if (row eq word(rows, 1)) { set label 1 label(i) at graph 0.5,1 center offset 0,exists("note_1") ? 1.8 : 0.8 }
            if (row eq word(rows, 1)) { set label 3 note(i) at graph 0.5,1 center offset 0,0.8 textcolor rgb "#555555" }
            if (i == 0) { set label 2 title_of(row) at graph 0,0.5 center rotate offset -1.4,0 }
            plot sprintf("%s-%d.png", row, i) binary filetype=png with rgbimage
        }
        top = top - tile_y(row) - gap
    }
    unset multiplot
    unset output
}
