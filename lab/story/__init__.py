"""One attack told across the raw logs of a small company, in AWS's own record and file formats, from a seed.

`cast` says who and what there is, `attack` what happens when and in which log, one module a log (`cloudtrail`) writes
its records, `files` lays them out as AWS does. A new log reads the first two and adds a module beside `cloudtrail`.
"""
