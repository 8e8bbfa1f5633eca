/* The C library itself, unless the installed one was asked for (config/discover.ml). */
#ifndef IXY_OCAML_SYSTEM
#include "libixy.c"
#else
typedef int ixy_library_is_installed;
#endif
