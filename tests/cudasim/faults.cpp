/* faults.cpp - what was found, where, and the end of a program that found something. */
#include <cxxabi.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <mutex>
#include <vector>

#include "tests/cudasim/inside.h"

namespace cudasim
{

struct found {
    cudasim_fault_kind kind;
    const void *place;
    std::string text;
};
static std::vector<found> all;
static std::mutex lock;

std::string function_name(const void *function)
{
    Dl_info info;
    if (!dladdr(function, &info) || !info.dli_sname) return "?";
    int status;
    char *plain = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, &status);
    std::string name = status == 0 ? plain : info.dli_sname;
    free(plain);
    /* "void map_kernel<1>(job)": the name is what stands before the arguments, with its template arguments. */
    size_t depth = 0, end = name.size();
    for (size_t i = 0; i < name.size(); i++) {
        depth += name[i] == '<', depth -= name[i] == '>';
        if (name[i] == '(' && depth == 0) {
            end = i;
            break;
        }
    }
    name = name.substr(0, end);
    size_t space = name.rfind(' ', name.find('<'));
    return space == std::string::npos ? name : name.substr(space + 1);
}

/* "file.cu:12", by addr2line where there is one. */
static std::string source_line(const void *place)
{
    Dl_info info;
    if (!place || !dladdr(place, &info) || !info.dli_fname) return "";
    char command[1400], line[400] = "", program[1024] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return ""; /* kernels are in the program itself */
    size_t offset = (size_t)((const char *)place - (const char *)info.dli_fbase) - 1;
    snprintf(command, sizeof command, "addr2line -e '%s' 0x%zx 2>/dev/null", program, offset);
    FILE *pipe = popen(command, "r");
    if (pipe && !fgets(line, sizeof line, pipe)) line[0] = 0;
    if (pipe) pclose(pipe);
    std::string text = line;
    size_t slash = text.rfind('/');
    if (slash != std::string::npos) text = text.substr(slash + 1);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
    return text.empty() || text[0] == '?' ? "" : " (" + text + ")";
}

void fault(cudasim_fault_kind kind, const void *place, const char *format, ...)
{
    std::lock_guard<std::mutex> hold(lock);
    for (const found &f : all)
        if (f.kind == kind && f.place == place && place) return;
    if (all.size() >= 200) return;
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    std::string full = std::string(cudasim_fault_name(kind)) + ": " + text + source_line(place);
    if (now) full += " in " + now->l->name + ", block " + std::to_string(now->block) + ", thread " + std::to_string(now->thread);
    all.push_back({kind, place, full});
}

/* Programs (not tests) are judged when they end. */
static struct judge {
    ~judge()
    {
        if (getenv("CUDASIM_LEAKS")) cudasim_check_leaks();
        if (all.empty()) return;
        for (const found &f : all) fprintf(stderr, "cudasim: %s\n", f.text.c_str());
        fflush(nullptr);
        _exit(97);
    }
} judge_at_exit;

} // namespace cudasim

using namespace cudasim;

const char *cudasim_fault_name(cudasim_fault_kind kind)
{
    static const char *const names[] = {"global memory out of bounds",
                                        "shared memory out of bounds",
                                        "uninitialised read",
                                        "data race",
                                        "divergent barrier",
                                        "exited threads at a barrier",
                                        "misused warp function",
                                        "misaligned access",
                                        "use after free",
                                        "host pointer in a kernel",
                                        "wrong kind of pointer",
                                        "bad launch",
                                        "double free",
                                        "leak",
                                        "default stream",
                                        "library misuse",
                                        "wrong device",
                                        "misused recording",
                                        "unordered streams"};
    return names[kind];
}

size_t cudasim_fault_count(void)
{
    return all.size();
}

cudasim_fault_kind cudasim_fault_at(size_t i, const char **text)
{
    *text = all[i].text.c_str();
    return all[i].kind;
}

void cudasim_faults_clear(void)
{
    all.clear();
}

void cudasim_check_leaks(void)
{
    if (live_allocations()) fault(CUDASIM_LEAK, nullptr, "%d allocations of device or pinned memory are still alive", live_allocations());
    if (live_handles()) fault(CUDASIM_LEAK, nullptr, "%d streams, events, handles or descriptors are still alive", live_handles());
}
