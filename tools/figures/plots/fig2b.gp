# Mean slice-wise PSNR against compression ratio, one curve for each kind of network and other lossy method; lossless
# ones are vertical lines.
load "style.gp"

# To the voxels as stored; "ratio_float32" is the ratio to voxels of 4 bytes, as in the paper.
ratio = "ratio"

is_line(_) = stringcolumn("place") eq "line"
stats "fig2b.csv" using (is_line(0) ? 0 : note(stringcolumn("series"))) nooutput
kinds = distinct
# What the page shows where a mark is pointed at; other methods have no layers.
# As text: gnuplot 6 has no number for what is empty, and then no mark.
shape(_) = strlen(stringcolumn("layers")) ? \
    sprintf(" %sx%s %s", stringcolumn("layers"), stringcolumn("width"), stringcolumn("weights")) : ""
told(_) = sprintf("%s%s: %.2f dB at a ratio of %.4g", stringcolumn("series"), shape(0), column("psnr"), column(ratio))
# Where a label stands from its point, in characters.
sides  = "upper-right lower-left upper-left lower-right"
across = "3 -3 -3 3"
up     = "0.75 -0.75 0.75 -0.75"

stats "fig2b.csv" using (log(column(ratio))) name "X" nooutput
stats "fig2b.csv" using "psnr_low":"psnr_high" name "Y" nooutput
larger(a, b) = a > b ? a : b
x_margin = larger(0.08 * (X_max - X_min), log(1.1))
y_margin = larger(0.05 * (Y_max_y - Y_min_x), 0.5)
set logscale x
set xrange [exp(X_min - x_margin):exp(X_max + x_margin)]
bottom = Y_min_x - y_margin
top    = Y_max_y + y_margin
set yrange [bottom:top]
eval ratio_tics("x", exp(X_min), exp(X_max))
set xlabel "compression ratio"
set ylabel "PSNR / dB, mean over slices"
set lmargin at screen 0.075
set rmargin at screen 0.81
set bmargin at screen 0.11
set tmargin at screen 0.97
set key at screen 0.825, 0.97 left top

do for [format in formats] {
    eval open_picture(format, "fig2b", 900, 520)
    plot "fig2b.csv" using (is_line(0) ? column(ratio) : NaN):(bottom):(0):(top - bottom) \
             with vectors nohead linecolor rgb "#777777" dashtype 3, \
         "fig2b.csv" using (is_line(0) ? column(ratio) : NaN):(top):(stringcolumn("label")) \
             with labels right rotate by 90 offset -0.7, -0.4 font small_font(format) textcolor rgb "#666666", \
         for [i = 1:words(kinds)] "fig2b.csv" using (of(i, column(ratio))):"psnr":"psnr_low":"psnr_high" \
             with yerrorbars linecolor rgb colour(i) linewidth 0.8 pointtype 0, \
         for [i = 1:words(kinds)] "fig2b.csv" using (of(i, column(ratio))):"psnr" \
             with linespoints linecolor rgb colour(i) linewidth 1.5 dashtype dash(i) pointtype mark(i) title kind(i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "fig2b.csv" \
             using (of(i, column(ratio))):"psnr":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 1.4 linecolor rgb "#ff000000", \
         for [i = 1:words(sides)] "fig2b.csv" \
             using (stringcolumn("place") eq word(sides, i) ? column(ratio) : NaN):"psnr":(stringcolumn("label")) \
             with labels offset real(word(across, i)), real(word(up, i)) \
             font small_font(format) textcolor rgb "#666666"
}
