# Mean slice-wise PSNR against the number of hidden layers, one curve for each kind of network.
load "style.gp"

stats "depth.csv" using (note(stringcolumn("series"))) nooutput
kinds = distinct
stats "depth.csv" using "layers" name "X" nooutput
# Curves stand a little apart, so that their bars do.
apart = 0.03 * (X_max - X_min)
shift(i) = apart * (i - 0.5 * (words(kinds) + 1))

# What the page shows where a mark is pointed at.
told(_) = sprintf("%s, %g layers: %.2f dB", stringcolumn("series"), column("layers"), column("psnr"))

set xlabel "hidden layers"
set ylabel "PSNR / dB, mean over slices"
set xtics 1
set xrange [X_min - 4 * apart - 0.2:X_max + 4 * apart + 0.2]
set lmargin at screen 0.1
set rmargin at screen 0.74
set bmargin at screen 0.14
set tmargin at screen 0.96
set key at screen 0.76, 0.96 left top

do for [format in formats] {
    eval open_picture(format, "depth", 640, 400)
    plot for [i = 1:words(kinds)] "depth.csv" \
             using (of(i, column("layers") + shift(i))):"psnr":"psnr_low":"psnr_high" \
             with yerrorbars linecolor rgb colour(i) linewidth 0.8 pointtype 0, \
         for [i = 1:words(kinds)] "depth.csv" using (of(i, column("layers") + shift(i))):"psnr" \
             with linespoints linecolor rgb colour(i) linewidth 1.5 pointtype mark(i) title kind(i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "depth.csv" \
             using (of(i, column("layers") + shift(i))):"psnr":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 1.4 linecolor rgb "#ff000000"
}
