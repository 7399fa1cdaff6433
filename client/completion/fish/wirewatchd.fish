# fish completion for wirewatchd(8)
complete -c wirewatchd -f
complete -c wirewatchd -s c -l config -r -F -d Configuration
complete -c wirewatchd -l check -d 'Only say what is wrong with the configuration'
complete -c wirewatchd -l once -d 'Poll every feed once, then end'
complete -c wirewatchd -l log-level -x -a 'debug info notice warning error' -d 'Least level'
complete -c wirewatchd -l version -d 'Print the version'
complete -c wirewatchd -l help -d 'Say how it is used'
