"""One attack told across the raw logs of a small company, in AWS's own record and file formats, from a seed.

`cast` says who and what there is, `attack` what happens when and in which log. One module a log (`cloudtrail`,
`vpc_flow`, `route53_resolver`, `waf`) writes its records: ``attack_records`` and ``Background``. `layouts` and
`log_files` put them where AWS does, `files` writes all of it. A new log reads the first two, adds a module beside
`vpc_flow`, and its layout. What the security services find (`guardduty`, `inspector`, `security_hub`) is in `findings`.
"""
