// Runs a fuzz harness once over each file of a corpus folder, and over each file cut short, under any compiler.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", arguments[0]);
    return 2;
  }
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(arguments[1])) {
    std::ifstream stream(entry.path(), std::ios::binary);
    const std::string whole((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
    // Every prefix of a small file, some of a large one: a torn file is the commonest bad input there is.
    const std::size_t step = whole.size() / 256 + 1;
    for (std::size_t length = 0; length < whole.size(); length += step)
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(whole.data()), length);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(whole.data()), whole.size());
    ++files;
  }
  std::printf("%d corpus files replayed, each also cut short\n", files);
  return files == 0 ? 1 : 0;
}
