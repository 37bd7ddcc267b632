// Texts and bytes that are frozen in files below tests/golden. LEASEBACK_ACCEPT_GOLDEN=1 rewrites them: the test then says
// "skipped", never "passed", and the change is there to be read in the diff.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tests::golden {

inline std::string path_of(const std::string& name) { return LEASEBACK_SOURCE_DIR "/tests/golden/" + name; }

inline std::string read(const std::string& name) {
  std::ifstream stream(path_of(name), std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

inline bool accepting() { return std::getenv("LEASEBACK_ACCEPT_GOLDEN") != nullptr; }

// Call last in a test: it may skip.
inline void expect_same(const std::string& name, const std::string& actual) {
  if (accepting()) {
    std::filesystem::create_directories(std::filesystem::path(path_of(name)).parent_path());
    std::ofstream(path_of(name), std::ios::binary) << actual;
    GTEST_SKIP() << "rewrote tests/golden/" << name;
  }
  ASSERT_TRUE(std::filesystem::exists(path_of(name))) << "tests/golden/" << name << " is missing; LEASEBACK_ACCEPT_GOLDEN=1 writes it";
  EXPECT_EQ(read(name), actual) << "tests/golden/" << name << " differs; if that is meant, run with LEASEBACK_ACCEPT_GOLDEN=1";
}

}  // namespace tests::golden

// The same with a path from the top of the project: EXPECT_GOLDEN("tests/golden/image/help.txt", text).
#define EXPECT_GOLDEN(path, text) tests::golden::expect_same(std::string(path).substr(sizeof("tests/golden/") - 1), text)
