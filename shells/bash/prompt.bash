# The session or profile in use, in front of the prompt. For ~/.bashrc, after PS1 is set.
[[ ${PS1} == *CS_PROFILE* ]] || PS1='${CS_PROFILE:+[${CS_SESSION:-$CS_PROFILE}] }'${PS1}
