__cs_complete_for '__NAME__'
