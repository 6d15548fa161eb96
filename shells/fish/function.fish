# The function that people call; its short forms follow.
# An abbreviation of that name would hide it. Where abbr is no builtin (fish before 3.6) it would be
# erased for good, and that is not ours to do.
builtin -q abbr; and abbr --erase __NAME__ 2>/dev/null
function __NAME__ --description 'Run cs'
    __cs_run __NAME__ $argv
end
