# What the program writes of itself for packages, from the tables of its options: man pages that the readers of man pages find nothing
# wrong with, and completion, tried at a terminal in bash and in zsh.
source "$(dirname "$0")/../common.sh"
commands=$("$sirencl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p')
[ "$(wc -w <<<"$commands")" -ge 16 ] || fail "commands: $commands"
expect 2 "--help is 'html' but must be man, bash or zsh" "$sirencl" compress --help=html

# ---- man pages ----
run "$sirencl" --help=man
cp stdout.txt sirencl.1
for command in $commands; do
    run "$sirencl" "$command" --help=man
    cp stdout.txt "sirencl-$command.1"
    grep -q "sirencl.-$command (1)" sirencl.1 || fail "sirencl.1 does not lead to $command"
    # Each option of --help is there, and no other.
    "$sirencl" "$command" --help | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p' | sort >options.txt
    grep -v '^\.' "sirencl-$command.1" | sed -n 's/\\-/-/g; s/^\(\\fB-h\\fR, \)\?\\fB\(--[a-z0-9-]*\).*/\2/p' | sort | diff options.txt - || fail "options of $command's page"
done
if has groff; then
    for page in *.1; do
        groff -ww -man -Tutf8 "$page" >page.txt 2>wrong.txt || fail "groff: $page"
        [ ! -s wrong.txt ] || fail "groff: $page: $(cat wrong.txt)"
    done
    groff -man -Tascii -P-c -P-b -P-u -rLL=300n sirencl-compress.1 >page.txt
    grep -q "MRtrix3's dwi2mask" page.txt || fail "an apostrophe: $(cat page.txt)"
    grep -q -- '--max-error E$' page.txt || fail "an option: $(cat page.txt)"
else
    skip_part "there is no groff"
fi
if has mandoc; then
    mandoc -T lint -W warning ./*.1 | grep -v 'missing date' >wrong.txt || true # the same source gives the same page
    [ ! -s wrong.txt ] || fail "mandoc: $(cat wrong.txt)"
else
    skip_part "there is no mandoc"
fi
if has man && ! man --version 2>&1 | grep -qi minimized; then
    for page in ./*.1; do
        MANROFFSEQ='' man --warnings=w -l "$page" >page.txt 2>wrong.txt || fail "man: $page: $(cat wrong.txt)"
        [ ! -s wrong.txt ] || fail "man: $page: $(cat wrong.txt)"
    done
else
    skip_part "there is no man"
fi

# ---- completion ----
# completes SHELL TYPED PATTERN: the terminal shows the pattern after what was typed.
completes() {
    "$python" "$root/tests/tools/terminal_session.py" "$2" "$3" 20 "${shell[@]}" >shown.txt || fail "$1: $2"
    grep -q -- "$3" shown.txt || fail "$1: '$2' shows: $(cat -v shown.txt)"
}
try() { # SHELL
    completes "$1" 'sirencl compre\t' 'sirencl compress'
    completes "$1" 'sirencl compress --max\t' 'compress --max-error'
    completes "$1" 'sirencl compress --optimiser so\t' '--optimiser soap'
    completes "$1" 'sirencl sweep --dry\t' '--dry-run'
    "$python" "$root/tests/tools/terminal_session.py" 'sirencl info --model \t\t' 'siren-2d' 1 "${shell[@]}" >shown.txt
    ! grep -q 'siren-2d' shown.txt || fail "$1: info has no model"
    completes "$1" 'sirencl compress --mask an_im\t' '--mask an_image.nii'
    completes "$1" 'sirencl decompress -o a_fo\t' '-o a_folder/'
    completes "$1" 'sirencl decompress an_ar\t' 'an_archive.siren'
}
touch an_image.nii an_archive.siren
mkdir a_folder completion
"$sirencl" --help=bash >completion/sirencl
"$sirencl" --help=zsh >completion/_sirencl
bash -n completion/sirencl || fail "bash does not read its completion"
for command in $commands; do
    grep -q "^    $command)" completion/sirencl || fail "bash completes no $command"
    grep -q "^    $command)" completion/_sirencl || fail "zsh completes no $command"
done
if "$python" -c 'import pty' 2>/dev/null; then
    echo 'source completion/sirencl; PS1="ready> "; bind "set enable-bracketed-paste off"' >rc
    shell=(bash --noprofile --rcfile rc -i)
    try bash
    completes bash 'sirencl compress --model=mlp-t\t' '--model=mlp-tanh'
    completes bash 'sirencl compress --model=mlp-siren\t\t' 'mlp-siren-last'
    if has zsh; then
        mkdir home
        echo 'fpath=($PWD/completion $fpath); autoload -Uz compinit; compinit -u; PS1="ready> "; unset zle_bracketed_paste' >home/.zshrc
        export ZDOTDIR=$PWD/home
        shell=(zsh -i)
        try zsh
        completes zsh 'sirencl compress --model=mlp-t\t' '--model=mlp-tanh'
        completes zsh 'sirencl verif\t' 'verify'
        completes zsh 'sirencl tune --tim\t' '--time-limit'
    else
        skip_part "there is no zsh"
    fi
else
    skip_part "$python has no pty"
fi
