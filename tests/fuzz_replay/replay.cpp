// Runs one fuzz target over files: those given, and those in the folders given. A folder may be absent, but
// nothing at all to run is a failure. A finding ends the process; the name of the file is the last line.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/target.h"

namespace {

namespace fs = std::filesystem;

void replay(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::vector<char> read((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  // Exactly as large as the input, so that the sanitizer sees one byte too far.
  const std::vector<char> bytes(read.begin(), read.end());
  std::printf("%s, %zu bytes\n", file.c_str(), bytes.size());
  std::fflush(stdout);
  evergate::fuzz::run({bytes.data(), bytes.size()});
}

}  // namespace

int main(int count, char** names) {
  std::size_t replayed = 0;
  for (int i = 1; i < count; ++i) {
    const fs::path given(names[i]);
    std::vector<fs::path> files;
    if (fs::is_directory(given)) {
      for (const auto& entry : fs::directory_iterator(given)) {
        if (entry.is_regular_file() && entry.path().extension() != ".md") files.push_back(entry.path());
      }
    } else if (fs::exists(given)) {
      files.push_back(given);
    }
    for (const auto& file : files) replay(file);
    replayed += files.size();
  }
  std::printf("%zu inputs replayed\n", replayed);
  return replayed == 0 ? 1 : 0;
}
