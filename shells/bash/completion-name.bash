[[ $- != *i* ]] || \builtin complete -o nosort -F __cs_complete __NAME__ 2>/dev/null ||
    \builtin complete -F __cs_complete __NAME__
