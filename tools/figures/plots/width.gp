# Mean slice-wise PSNR against the units of a hidden layer, one curve for each kind of network.
load "style.gp"

stats "width.csv" using (note(stringcolumn("width"))) nooutput
widths = distinct
distinct = ""
stats "width.csv" using (note(stringcolumn("series"))) nooutput
kinds = distinct
stats "width.csv" using "width" name "X" nooutput
# Curves stand a little apart, so that their bars do.
apart = (X_max / X_min)**0.02
shift(i) = apart**(i - 0.5 * (words(kinds) + 1))

# What the page shows where a mark is pointed at.
told(_) = sprintf("%s, %g units: %.2f dB", stringcolumn("series"), column("width"), column("psnr"))

set xlabel "units of a hidden layer"
set ylabel "PSNR / dB, mean over slices"
set logscale x
set xtics ()
do for [w in widths] { set xtics add (sprintf("%s", w) w + 0) }
set xrange [X_min / apart**8:X_max * apart**8]
set lmargin at screen 0.1
set rmargin at screen 0.74
set bmargin at screen 0.14
set tmargin at screen 0.96
set key at screen 0.76, 0.96 left top

do for [format in formats] {
    eval open_picture(format, "width", 640, 400)
    plot for [i = 1:words(kinds)] "width.csv" \
             using (of(i, column("width") * shift(i))):"psnr":"psnr_low":"psnr_high" \
             with yerrorbars linecolor rgb colour(i) linewidth 0.8 pointtype 0, \
         for [i = 1:words(kinds)] "width.csv" using (of(i, column("width") * shift(i))):"psnr" \
             with linespoints linecolor rgb colour(i) linewidth 1.5 pointtype mark(i) title kind(i), \
         for [i = 1:(format eq "svg" ? words(kinds) : 0)] "width.csv" \
             using (of(i, column("width") * shift(i))):"psnr":(told(0)) \
             with labels hypertext noenhanced point pointtype 7 pointsize 1.4 linecolor rgb "#ff000000"
}
