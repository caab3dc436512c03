# SPDX-License-Identifier: MIT
# freehold.bash - completion for bash: `freehold complete` knows what fits;
# where it offers nothing, the shell's own files do
_freehold() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(freehold complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _freehold freehold
