// Frozen bytes. EXPECT_GOLDEN(path, text) compares `text` with the file at `path` (from the top of the project). With
// LEASEBACK_ACCEPT_GOLDEN=1 in the environment it writes the file instead, and the test says *skipped*, not passed.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace golden {

inline void expect(const std::string& path, const std::string& text) {
  const std::filesystem::path file = std::filesystem::path(LEASEBACK_SOURCE_DIR) / path;
  const char* accept = std::getenv("LEASEBACK_ACCEPT_GOLDEN");
  if (accept != nullptr && std::string(accept) == "1") {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    GTEST_SKIP() << path << " was rewritten: look at the difference before you commit it";
  }
  std::ifstream stream(file, std::ios::binary);
  ASSERT_TRUE(stream) << path << " is not there; LEASEBACK_ACCEPT_GOLDEN=1 writes it";
  std::ostringstream frozen;
  frozen << stream.rdbuf();
  EXPECT_EQ(text, frozen.str()) << "differs from " << path;
}

}  // namespace golden

#define EXPECT_GOLDEN(path, text) golden::expect(path, text)
