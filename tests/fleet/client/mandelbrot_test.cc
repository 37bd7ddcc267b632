// Goal: the shipped example works as shipped. Method: its job file through the strict reader, its programs as they were built.
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "agent/runtime/examples/mandelbrot/tile.h"
#include "fleet/client/job_file.h"
#include "images/files/posix_files.h"

namespace fleet::client {
namespace {

using agent::runtime::examples::mandelbrot::TileHead;

class Mandelbrot : public testing::Test {
 protected:
  Mandelbrot() {
    const char* temporary = std::getenv("TMPDIR");
    std::string pattern = std::string(temporary == nullptr ? "/tmp" : temporary) + "/leaseback-mandelbrot-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~Mandelbrot() override { std::filesystem::remove_all(folder_); }
  // One of 3 x 2 tiles of 4 x 4 pixels.
  void write_tile(std::uint32_t column, std::uint32_t row, const std::string& name) {
    TileHead head;
    head.picture_width = 12;
    head.picture_height = 8;
    head.left = column * 4;
    head.top = row * 4;
    head.width = head.height = 4;
    const std::string bytes = std::string(reinterpret_cast<const char*>(&head), sizeof head) + std::string(48, static_cast<char>(40 * column + row));
    ASSERT_TRUE(files_.replace(folder_ + "/" + name + ".result", bytes, images::files::Access::Everyone));
  }
  [[nodiscard]] int assemble() const {
    const int status = std::system((LEASEBACK_BINARY_DIR "/bin/mandelbrot_assemble " + folder_ + " " + folder_ + "/out.png >/dev/null 2>&1").c_str());
    return WEXITSTATUS(status);
  }

  images::files::PosixFiles files_;
  std::string folder_;
};

TEST_F(Mandelbrot, JobHasTwoHundredAndFortyTasks) {
  const std::string path = LEASEBACK_SOURCE_DIR "/agent/runtime/examples/mandelbrot/job.yaml";
  const Result<JobFile> job = job_file_from(*files_.read(path, mebibytes(1)), path);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->request.tasks.size(), 240U);
  EXPECT_NE(job->request.tasks[239].parameters_json.find("\"row\":11,\"column\":19"), std::string::npos) << job->request.tasks[239].parameters_json;
  EXPECT_EQ(job->request.copies, 2U);
}

TEST_F(Mandelbrot, TileNeedsNoLibraries) {
  const Result<std::string> program = files_.read(LEASEBACK_BINARY_DIR "/bin/mandelbrot_tile", mebibytes(64));
  ASSERT_TRUE(program) << program.error().text();
  const Done checked = check_executable(*program);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST_F(Mandelbrot, AssemblesOnlyAWholePicture) {
  for (std::uint32_t number = 0; number < 5; ++number) write_tile(number % 3, number / 3, std::to_string(number));
  EXPECT_EQ(assemble(), 1) << "a tile is missing";
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/out.png"));
  write_tile(2, 1, "5");
  EXPECT_EQ(assemble(), 0);
  EXPECT_EQ(files_.read(folder_ + "/out.png", mebibytes(1))->substr(1, 3), "PNG");
  write_tile(1, 1, "6");
  EXPECT_EQ(assemble(), 1) << "a tile is there twice";
}

}  // namespace
}  // namespace fleet::client
