// A library to be preloaded that counts allocations and system calls of a process into the file named by
// EVERGATE_COUNT_FILE: two 64-bit numbers. Counts what libc is asked for; futexes inside of it are not seen.
#undef _FORTIFY_SOURCE  // whose read() and recv() are inline
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
}

namespace {

struct counts {
  std::atomic<std::uint64_t> allocations;
  std::atomic<std::uint64_t> calls;
};

counts before_main;
counts* shared = &before_main;

__attribute__((constructor)) void map_file() {
  const char* name = std::getenv("EVERGATE_COUNT_FILE");
  if (name == nullptr) return;
  const int fd = ::open(name, O_RDWR | O_CREAT, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(counts)) != 0) return;
  void* at = ::mmap(nullptr, sizeof(counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at != MAP_FAILED) shared = static_cast<counts*>(at);
}

void allocation() noexcept {
  shared->allocations.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

#define COUNTED(result, name, parameters, arguments)                             \
  extern "C" result name parameters {                                            \
    static std::atomic<result(*) parameters> real{nullptr};                      \
    auto found = real.load(std::memory_order_relaxed);                           \
    if (found == nullptr) {                                                      \
      found = reinterpret_cast<result(*) parameters>(::dlsym(RTLD_NEXT, #name)); \
      real.store(found, std::memory_order_relaxed);                              \
    }                                                                            \
    shared->calls.fetch_add(1, std::memory_order_relaxed);                       \
    return found arguments;                                                      \
  }

COUNTED(ssize_t, read, (int fd, void* to, size_t size), (fd, to, size))
COUNTED(ssize_t, write, (int fd, const void* from, size_t size), (fd, from, size))
COUNTED(ssize_t, recv, (int fd, void* to, size_t size, int flags), (fd, to, size, flags))
COUNTED(ssize_t, send, (int fd, const void* from, size_t size, int flags), (fd, from, size, flags))
COUNTED(ssize_t, recvmsg, (int fd, msghdr* message, int flags), (fd, message, flags))
COUNTED(ssize_t, sendmsg, (int fd, const msghdr* message, int flags), (fd, message, flags))
COUNTED(ssize_t, writev, (int fd, const iovec* pieces, int count), (fd, pieces, count))
COUNTED(ssize_t, pwrite, (int fd, const void* from, size_t size, off_t at), (fd, from, size, at))
COUNTED(ssize_t, pwritev, (int fd, const iovec* pieces, int count, off_t at), (fd, pieces, count, at))
COUNTED(int, epoll_wait, (int fd, epoll_event* events, int most, int wait), (fd, events, most, wait))
COUNTED(int, epoll_ctl, (int fd, int what, int which, epoll_event* event), (fd, what, which, event))
COUNTED(int, fdatasync, (int fd), (fd))

extern "C" void* malloc(std::size_t size) {
  allocation();
  return __libc_malloc(size);
}
extern "C" void* calloc(std::size_t count, std::size_t size) {
  allocation();
  return __libc_calloc(count, size);
}
extern "C" void* realloc(void* old, std::size_t size) {
  allocation();
  return __libc_realloc(old, size);
}
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  allocation();
  return __libc_memalign(alignment, size);
}
