if status is-interactive
    complete --erase --command __NAME__
    complete --command __NAME__ --no-files --keep-order --arguments '(__cs_complete)'
end
