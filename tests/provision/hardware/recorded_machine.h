// A recorded machine of machines/, in memory, where a test may change a part.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "provision/hardware/sysfs_machine.h"
#include "tests/fakes/memory_files.h"

namespace provision::hardware {

inline std::string recorded_folder(const std::string& name) { return LEASEBACK_SOURCE_DIR "/tests/provision/hardware/machines/" + name; }

class RecordedMachine {
 public:
  explicit RecordedMachine(const std::string& name) {
    namespace fs = std::filesystem;
    for (const auto& entry : fs::recursive_directory_iterator(recorded_folder(name))) {
      if (!entry.is_regular_file()) continue;
      std::ifstream stream(entry.path(), std::ios::binary);
      set(fs::relative(entry.path(), recorded_folder(name)).string(), {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()});
    }
  }
  void set(const std::string& path, const std::string& bytes) {
    const std::string whole = "/" + path;
    EXPECT_TRUE(files.make_directory(whole.substr(0, whole.rfind('/')), images::files::Access::Everyone));
    EXPECT_TRUE(files.replace(whole, bytes, images::files::Access::Everyone));
  }
  void drop(const std::string& path) { EXPECT_TRUE(files.remove("/" + path)); }
  MachineFacts facts() {
    SysfsMachine machine(files, "/");
    auto read = machine.read();
    EXPECT_TRUE(read) << read.error().text();
    return *read;
  }

  tests::fakes::MemoryFiles files;
};

}  // namespace provision::hardware
