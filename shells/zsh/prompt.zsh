# The session or profile in use, in front of the prompt. For ~/.zshrc, after PROMPT is set.
setopt prompt_subst
[[ $PROMPT == *CS_PROFILE* ]] || PROMPT='${CS_PROFILE:+[${CS_SESSION:-$CS_PROFILE}] }'$PROMPT
