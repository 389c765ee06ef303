# Sourced by tests of pages, whose last part it is: pages in headless Chromium.
chromium=$(command -v chromium || command -v chromium-browser || true)
[ -n "$chromium" ] || { skip_part "there is no chromium"; exit 0; }
browse() { timeout 120 "$chromium" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$folder/browser" "$@" 2>browser.txt; }

# fit PAGE...: at 1200 and at 360 pixels all pictures are there, and nothing of a page but what scrolls by itself is wider than the window. Frames
# of these widths measure it, for a window cannot be as narrow; the first one holds what is too wide.
fit() {
    echo '<!DOCTYPE html><p style="width:30rem">wide' >wide.html
    {
        echo '<!DOCTYPE html><meta charset="utf-8"><style>iframe{border:0}</style><body><iframe src="wide.html" width="360" height="900"></iframe>'
        local page width
        for page; do for width in 1200 360; do echo "<iframe src=\"$page\" width=\"$width\" height=\"3000\"></iframe>"; done; done
        cat <<'HTML'
<script>onload = () => document.querySelectorAll("iframe").forEach(frame => {
    const page = frame.contentDocument, most = Number(frame.width);
    const wide = [...page.querySelectorAll("body *")].filter(e => !e.closest(".table, svg") && e.getBoundingClientRect().right > most + 1);
    const unread = [...page.images].filter(i => !i.complete || i.naturalWidth == 0).length;
    const fits = page.documentElement.clientWidth == most && page.documentElement.scrollWidth <= most && wide.length + unread == 0;
    frame.dataset.fits = fits ? "yes" : `no: ${page.documentElement.scrollWidth} ${unread} ` + wide.map(e => e.outerHTML.slice(0, 80).replace(/\s+/g, " ")); });</script>
HTML
    } >frames.html
    browse --allow-file-access-from-files --window-size=1400,3000 --dump-dom "file://$PWD/frames.html" >dom.txt || fail "the browser: $(cat browser.txt)"
    grep -o '<iframe src="wide.html"[^>]*>' dom.txt | grep -q 'data-fits="no: ' || fail "what is too wide fits: $(cat dom.txt)"
    grep -o '<iframe [^>]*>' dom.txt | grep -v 'wide.html\|data-fits="yes"' >unfit.txt || true
    [ ! -s unfit.txt ] && [ "$(grep -c '<iframe ' dom.txt)" = $((1 + 2 * $#)) ] || fail "in the browser: $(cat unfit.txt)"
}
