# bash completion of bench. It asks the program itself, so that it never lags behind.
_bench()
{
    local program=${COMP_WORDS[0]} current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words='' depth=1
    # "bench data" has parts, which are commands of their own.
    [[ ${COMP_WORDS[1]} == data ]] && depth=2
    if [[ $before == --set ]]; then
        words=$("$program" help settings 2>/dev/null | awk '/^\[/ { split($1, part, /[][]/) } /^  [a-z_0-9]+ =/ { print part[2] "." $1 "=" }')
        compopt -o nospace
    elif [[ $current == -* && $COMP_CWORD -gt $depth ]]; then
        words=$("$program" "${COMP_WORDS[@]:1:depth}" --help 2>/dev/null | grep -oE -- '(^|[ (])--[a-z][a-z-]*' | tr -d ' (' | sort -u)
    elif [[ $COMP_CWORD -le $depth ]]; then
        words=$("$program" "${COMP_WORDS[@]:1:COMP_CWORD-1}" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  *[a-z].*/\1/p')
    elif [[ ${COMP_WORDS[1]} == data && ${COMP_WORDS[2]} == import && $COMP_CWORD -eq 3 ]]; then
        words=$("$program" data import --help 2>/dev/null | sed -n '/^Kinds/,$ s/^  \([a-z0-9-][a-z0-9-]*\)  *[A-Za-z].*/\1/p')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
    [[ ${#COMPREPLY[@]} -gt 0 ]] || { compopt -o default 2>/dev/null; COMPREPLY=(); }
}
complete -F _bench bench
