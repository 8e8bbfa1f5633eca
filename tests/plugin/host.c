/* Loads a plugin that carries the library, unloads it while a thread of the library runs, and must survive: what is
 * linked to ixy_static stays in memory (-z nodelete). fork() runs the library's handlers, which stay too. */
#include <dlfcn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int call(void *plugin, const char *name)
{
    int (*function)(void);
    *(void **)&function = dlsym(plugin, name); /* as POSIX writes it: ISO C converts no object pointer to a function */
    return function != NULL ? function() : -1000;
}

int main(int argc, char **argv)
{
    void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (plugin == NULL)
        return fprintf(stderr, "usage: host PLUGIN; %s\n", argc == 2 ? dlerror() : "expected one argument"), 2;
    int code = call(plugin, "plugin_begin");
    if (code != 0)
        return fprintf(stderr, "plugin_begin: %d\n", code), 1;
    dlclose(plugin);
    struct timespec time = {.tv_nsec = 200000000}; /* some hundred steps of the device's thread */
    nanosleep(&time, NULL);
    pid_t child = fork();
    int status = -1;
    if (child == 0)
        _exit(0);
    if (waitpid(child, &status, 0) != child || status != 0)
        return fprintf(stderr, "fork: the child ended with status %d\n", status), 1;
    plugin = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    code = plugin != NULL ? call(plugin, "plugin_end") : -1001;
    if (code != 0)
        return fprintf(stderr, "plugin_end: %d: it was loaded anew, and its device is lost\n", code), 1;
    puts("survived");
    return 0;
}
