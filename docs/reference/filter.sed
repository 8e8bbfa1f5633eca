# What Doxygen reads of the headers, whose comments are plain: those of members and constants follow what they are about.
1s|^/\* |/** @file\n * |
/^\/\* ----/!s|^/\* |/** |
s|\([^ /*].*\)/\* |\1/**< |
s|^ \* Returns | * @return |
/^#/!s|#|\\#|g
s| Errors: | @par Errors\n * |
