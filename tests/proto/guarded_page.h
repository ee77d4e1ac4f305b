// Memory whose end is the end of the world: a byte read past it is a segmentation fault. For tests of code
// that promises never to read outside its view.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace evergate::proto::test {

class guarded_page {
 public:
  explicit guarded_page(std::size_t bytes_max) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    inner_ = (bytes_max + page - 1) / page * page;
    size_ = inner_ + 2 * page;
    void* const at = ::mmap(nullptr, size_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::runtime_error("mmap");
    base_ = static_cast<char*>(at);
    begin_ = base_ + page;
    if (::mprotect(begin_, inner_, PROT_READ | PROT_WRITE) != 0) throw std::runtime_error("mprotect");
  }
  ~guarded_page() { ::munmap(base_, size_); }
  guarded_page(const guarded_page&) = delete;
  guarded_page& operator=(const guarded_page&) = delete;

  /// A copy of the text that ends where the guard begins.
  std::string_view at_end(std::string_view text) {
    char* const at = begin_ + inner_ - text.size();
    std::memcpy(at, text.data(), text.size());
    return {at, text.size()};
  }
  /// A copy of the text that begins where the guard before it ends.
  std::string_view at_begin(std::string_view text) {
    std::memcpy(begin_, text.data(), text.size());
    return {begin_, text.size()};
  }

 private:
  char* base_ = nullptr;
  char* begin_ = nullptr;
  std::size_t inner_ = 0;
  std::size_t size_ = 0;
};

}  // namespace evergate::proto::test
