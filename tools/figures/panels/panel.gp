# What results have made of one slice: values, relative errors and SSIM, each on one scale.
#
# Draw again after a change:   gnuplot panel.gp
# One format only:             gnuplot -e "formats = 'png'" panel.gp
#
# panel-data.gp, beside this script, says what panel.f32 holds: pictures of nx x ny little-endian floats from the bottom up, the
# original first, then values, errors and SSIM of each result.

if (!exists("formats")) formats = "svg png"
load "panel-data.gp"

# Sizes in units; a PNG has two pixels a unit. A tile is the same area for pictures of any shape.
shape = sqrt(1.0 * pixel * ny / nx)
tile_x = 210 / shape
tile_y = 210 * shape
gap = 8
head = exists("note_1") ? 56 : 40
bar = 84
width = (n + 1) * (tile_x + gap) + bar
height = head + 3 * (tile_y + gap)

open_svg = "set terminal svg noenhanced size %d,%d font 'sans-serif,12' background 'white'"
open_png = "set terminal pngcairo noenhanced size %d,%d font 'sans-serif,9' fontscale 2 linewidth 2"
open_picture(format) = (format eq "svg" ? sprintf(open_svg, width, height) : \
    sprintf(open_png, 2 * width, 2 * height)) . sprintf("; set output 'panel.%s'", format)

label(i) = value(sprintf("label_%d", i))
note(i) = exists("note_1") ? value(sprintf("note_%d", i)) : ""
caption(i) = "error " . value(sprintf("error_%d", i)) . ", SSIM " . value(sprintf("ssim_%d", i))

# The tile of column i (0: the original) and row k from the top.
left(i) = gap + i * (tile_x + gap)
top(k) = height - head - k * (tile_y + gap)
place(i, k) = sprintf("set lmargin at screen %f; set rmargin at screen %f; set tmargin at screen %f; set bmargin at screen %f", \
    left(i) / width, (left(i) + tile_x) / width, top(k) / height, (top(k) - tile_y) / height)
scale_at(k) = sprintf("set colorbox user origin screen %f,%f size screen %f,%f", \
    left(n + 1) / width, (top(k) - 0.92 * tile_y) / height, 13.0 / width, 0.84 * tile_y / height)
picture(k) = sprintf("'panel.f32' binary array=(%d,%d) skip=%d format='%%float32' endian=little with image", \
    nx, ny, 4 * nx * ny * k)

grey    = "set palette gray"
inferno = "set palette defined (0 '#000004', 1 '#420A68', 2 '#932667', 3 '#DD513A', 4 '#FCA50A', 5 '#FCFFA4')"
viridis = "set palette defined (0 '#440154', 1 '#3B528B', 2 '#21918C', 3 '#5EC962', 4 '#FDE725')"

unset key
unset border
unset xtics
unset ytics
set cbtics scale 0.4 offset -0.8 textcolor rgb "#222222"
set xrange [-0.5:nx - 0.5]
set yrange [-0.5:ny - 0.5]
# Where there is nothing to show.
set object 1 rectangle from graph 0,0 to graph 1,1 behind fillstyle solid noborder fillcolor rgb "#D8D8D8"

do for [format in formats] {
    eval open_picture(format)
    set multiplot
    do for [k = 0:2] {
        eval k == 0 ? grey : k == 1 ? inferno : viridis
        eval k == 0 ? sprintf("set cbrange [%g:%g]", values_low, values_high) : \
             k == 1 ? sprintf("set cbrange [0:%g]", most_error) : sprintf("set cbrange [%g:1]", least_ssim)
        do for [i = (k == 0 ? 0 : 1):n] {
            eval place(i, k)
            unset label
            if (k == 0) { set label 1 i == 0 ? "original" : label(i) at graph 0.5,1 center offset 0,exists("note_1") ? 2.6 : 1.6 }
            if (k == 0 && i > 0) { set label 4 note(i) at graph 0.5,1 center offset 0,1.6 textcolor rgb "#555555" }
            if (k == 0 && i > 0) { set label 2 caption(i) at graph 0.5,1 center offset 0,0.6 textcolor rgb "#555555" }
            if (i == 1 && k > 0) { set label 3 k == 1 ? "relative error" : "SSIM" at graph 0,0.5 right offset -1.5,0 }
            if (i == n) { eval scale_at(k) } else { unset colorbox }
            eval "plot " . picture(i == 0 ? 0 : 1 + 3 * (i - 1) + k)
        }
    }
    unset multiplot
    unset output
}
