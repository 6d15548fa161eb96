# The session or profile in use. For ~/.p10k.zsh, where the other segments are defined; then put `cs`
# into POWERLEVEL9K_LEFT_PROMPT_ELEMENTS or POWERLEVEL9K_RIGHT_PROMPT_ELEMENTS.
function prompt_cs() {
    [[ -n ${CS_PROFILE-} ]] && p10k segment -f yellow -t "${CS_SESSION:-$CS_PROFILE}"
}
function instant_prompt_cs() {
    prompt_cs
}
