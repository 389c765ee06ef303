# What the figures share; loaded by each. The CSV files beside the scripts are written by sirencl report.
#
# Draw again after a change:   gnuplot fig2a.gp
# One format only:             gnuplot -e "formats = 'png'" fig2a.gp

if (!exists("formats")) formats = "svg png"

set datafile separator ","
set datafile columnheaders
set datafile missing NaN

# The values of a column, each once, in the order of the file:
#     distinct = ""; stats FILE using (note(stringcolumn(NAME))) nooutput
distinct = ""
note(value) = (strstrt(" " . distinct . " ", " " . value . " ") ? 0 \
    : (distinct = distinct eq "" ? value : distinct . " " . value, 0))

# Kinds of networks: curve i is that of kind(i), whose rows have it in the column "series". Scripts set `kinds`.
kind(i) = word(kinds, i)
of(i, value) = stringcolumn("series") eq kind(i) ? value : NaN

# One colour and one mark for each, the same in every figure. Those of networks (Okabe and Ito, and a violet) are told
# apart with any colour vision, the marks without colour. Other methods come after networks and are dashed.
known   = "siren-2d siren-2d-relu siren-2d-tanh siren-3d mlp-siren mlp-siren-last mlp-relu mlp-tanh " . \
    "siren-2d-for-ratio siren-2d-relu-for-ratio"
others  = "jpeg2000 jpeg2000-volume zfp zfp-volume transform jpegxl jpegxl-volume jpegls jpegls-volume predictive"
colours = "#0072B2 #56B4E9 #6A3D9A #000000 #009E73 #CC79A7 #D55E00 #E69F00 #C2185B #E57399 #777777 #A6A6A6 #8C6D31 #BDA26B " . \
    "#000000 #7B4173 #B07AA1 #3B6E57 #7FA893 #843C39"
marks   = "7 5 13 11 9 8 4 6 13 12 2 1 3 12 5 4 6 8 10 9"
position(name) = sum [k = 1:words(known . " " . others)] (word(known . " " . others, k) eq name ? k : 0)
style_of(i) = position(kind(i)) > 0 ? position(kind(i)) : (i - 1) % words(known) + 1
colour(i) = word(colours, style_of(i))
mark(i) = int(word(marks, style_of(i)))
dash(i) = style_of(i) > words(known) ? 2 : 1

# The command that opens FIGURE.svg or FIGURE.png for a picture of so many units; a PNG has two pixels a unit.
open_svg = "set terminal svg enhanced size %d,%d font 'sans-serif,12' background 'white'"
open_png = "set terminal pngcairo enhanced size %d,%d font 'sans-serif,9' fontscale 2 linewidth 2 pointscale 2"
open_picture(format, figure, width, height) = \
    (format eq "svg" ? sprintf(open_svg, width, height) : sprintf(open_png, 2 * width, 2 * height)) . \
    sprintf("; set output '%s.%s'", figure, format)
small_font(format) = format eq "svg" ? ",10" : ",7.5"

set border 3 linewidth 1 linecolor rgb "#555555"
set tics nomirror out scale 0.6 textcolor rgb "#222222"
set grid linetype 1 linewidth 0.6 linecolor rgb "#E4E4E4"
set key noautotitle noenhanced reverse Left samplen 2.2 spacing 1.3 textcolor rgb "#222222"
set pointsize 0.8
set bars 0.4

# The command that marks 1, 2 and 5 times each power of ten on a logarithmic axis; fewer on a long one, more on a
# short one.
ratio_tics(axis, least, most) = sprintf("set %stics (); do for [k = -3:9] { do for [m in '%s'] { " . \
    "set %stics add (sprintf('%%g', m * 10**k) m * 10**k) } }", \
    axis, most / least > 300 ? "1" : most / least > 8 ? "1 2 5" : "1 1.5 2 3 4 5 7", axis)
