// Goal: a job file means what its author thinks, and a submitted job exists once. Method: good and bad files; every exchange of a
// submission cut in turn.
#include "fleet/client/jobs.h"

#include <elf.h>

#include <boost/json.hpp>
#include <cstring>

#include "tests/fakes/memory_files.h"
#include "tests/fleet/client/scripted_controller.h"

namespace fleet::client {
namespace {

using tests::fakes::MemoryFiles;
using Controller = tests::fleet_client::ScriptedController;
using Cut = Controller::Cut;

const Progress quiet = [](const std::string&) {};

constexpr std::string_view matrix_job = R"(name: picture
executable: tile
data:
  - file: colours.bin
  - name: seed
    file: sub/seed.txt
arguments: ["--fast"]
tasks:
  parameters: {width: "1200", mode: smooth}
  matrix:
    - {name: row, from: 0, to: 2}
    - {name: column, from: 0, to: 8, step: 4}
copies: 2
limits:
  memory: 64 MiB
  scratch: 16 MiB
  result: 1 MiB
  processor: 90s
cost_max: 5.00 USD
)";

// The head of a static program: enough for the check that the client makes.
std::string program(bool dynamic) {
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_machine = EM_X86_64;
  head.e_type = ET_EXEC;
  head.e_phoff = sizeof head;
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = 1;
  Elf64_Phdr part{};
  part.p_type = dynamic ? PT_INTERP : PT_LOAD;
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + std::string(reinterpret_cast<const char*>(&part), sizeof part);
}

JobFile read(std::string_view text) {
  Result<JobFile> job = job_file_from(text, "job.yaml");
  EXPECT_TRUE(job) << job.error().text();
  return *std::move(job);
}

std::string error_of(const std::string& text) {
  const Result<JobFile> job = job_file_from(text, "job.yaml");
  return job ? "no error" : job.error().text();
}

TEST(JobFile, SpellsOutEveryCombinationOfAMatrix) {
  const JobFile job = read(matrix_job);
  ASSERT_EQ(job.request.tasks.size(), 9U);
  EXPECT_EQ(job.request.tasks[0].parameters_json, R"({"width":1200,"mode":"smooth","row":0,"column":0})");
  EXPECT_EQ(job.request.tasks[1].parameters_json, R"({"width":1200,"mode":"smooth","row":0,"column":4})");
  EXPECT_EQ(job.request.tasks[8].parameters_json, R"({"width":1200,"mode":"smooth","row":2,"column":8})");
  EXPECT_EQ(job.request.tasks[8].arguments, std::vector<std::string>{"--fast"});
  EXPECT_EQ(job.request.entry, "tile");
  EXPECT_EQ(job.request.limits.processor_seconds, 90U);
  EXPECT_EQ(job.request.limits.memory, mebibytes(64));
  ASSERT_EQ(job.elements.size(), 3U);
  EXPECT_EQ(job.elements[1].name, "colours.bin");
  EXPECT_EQ(job.elements[2].name, "seed");
  EXPECT_EQ(job.request.cost_max, Money(500, Currency{"USD"}));
}

TEST(JobFile, TakesAListOfTasks) {
  const JobFile job = read(R"(name: letters
executable: bin/count
entry: main
tasks:
  list:
    - arguments: ["a"]
    - parameters: {n: "2", text: two}
)");
  ASSERT_EQ(job.request.tasks.size(), 2U);
  EXPECT_EQ(job.request.tasks[0].arguments, std::vector<std::string>{"a"});
  EXPECT_EQ(job.request.tasks[0].parameters_json, "{}");
  EXPECT_EQ(job.request.tasks[1].parameters_json, R"({"n":2,"text":"two"})");
  EXPECT_EQ(job.request.entry, "main");
  EXPECT_EQ(job.elements[0].file, "bin/count");
}

TEST(JobFile, RefusesWhatItDoesNotUnderstand) {
  const std::string head = "name: n\nexecutable: e\n";
  EXPECT_NE(error_of(head + "tasks: {list: [{}]}\nrepeat: 3\n").find("repeat"), std::string::npos);
  EXPECT_NE(error_of(head).find("tasks"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {}\n").find("either a list or a matrix"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {matrix: [{name: a, from: 1, to: 1000}, {name: b, from: 1, to: 1000}]}\n").find("more than 100000 tasks"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {matrix: [{name: a, from: 0, to: 1000000000}]}\n").find("more than 100000 tasks"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {matrix: [{name: a, from: 5, to: 1}]}\n").find("must not be less"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {list: [{}]}\ncopies: 0\n").find("copies"), std::string::npos);
  EXPECT_NE(error_of(head + "tasks: {list: [{}]}\ndata: [{file: x/e}]\n").find("names two elements"), std::string::npos);
  EXPECT_NE(error_of("").find("job.yaml"), std::string::npos);
}

TEST(JobFile, TellsWhyAProgramCannotRunInTheSandbox) {
  EXPECT_TRUE(check_executable(program(false)));
  EXPECT_NE(check_executable(program(true)).error().message.find("-static"), std::string::npos);
  EXPECT_NE(check_executable("#!/bin/sh\necho a longer script than an ELF head has bytes, so that it is looked at").error().message.find("script"), std::string::npos);
  EXPECT_FALSE(check_executable(""));
  const std::string whole = program(false);
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(check_executable(whole.substr(0, length)));
}

class Submission : public testing::Test {
 protected:
  Submission() {
    EXPECT_TRUE(files_.make_directory("/job/sub", images::files::Access::Everyone));
    EXPECT_TRUE(files_.make_directory("/bin", images::files::Access::Everyone));
    put("/bin/tile", program(false));
    put("/job/colours.bin", "red green blue");
    put("/job/sub/seed.txt", "42");
  }
  void put(const std::string& path, const std::string& bytes) { EXPECT_TRUE(files_.replace(path, bytes, images::files::Access::Everyone)); }
  Result<JobRecord> submit() { return submit_job(home_, client_, read(matrix_job), {"/bin", "/job"}, quiet); }

  MemoryFiles files_;
  Home home_ = *Home::make(files_, "/home");
  Controller controller_;
  Client client_{controller_};
};

TEST_F(Submission, SendsElementsAndTasks) {
  const Result<JobRecord> record = submit();
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(record->tasks(), 9U);
  EXPECT_EQ(controller_.elements.size(), 3U);
  const boost::json::value body = boost::json::parse(controller_.jobs.begin()->second.body);
  EXPECT_EQ(body.at("entry").as_string(), "tile");
  EXPECT_EQ(body.at("elements").at(0).at("digest").as_string(), images::keys::sha256(program(false)).text);
  EXPECT_TRUE(body.at("elements").at(0).at("executable").as_bool());
  EXPECT_EQ(body.at("tasks").at(1).at("parameters").at("column").to_number<int>(), 4);
  EXPECT_EQ(body.at("limits").at("memory_bytes").to_number<std::uint64_t>(), mebibytes(64).count);
  EXPECT_EQ(body.at("cost_max").at("minor").to_number<int>(), 500);
}

TEST_F(Submission, ThatWasCutIsFinishedByAnotherAndMakesOneJob) {
  for (const Cut cut : {Cut::Before, Cut::After})
    for (std::uint64_t nth = 1; nth <= 4; ++nth) {
      SCOPED_TRACE((cut == Cut::Before ? "before exchange " : "after exchange ") + std::to_string(nth));
      controller_.jobs.clear();
      controller_.elements.clear();
      controller_.cut_at(nth, cut);
      ASSERT_FALSE(submit());
      const Result<JobRecord> record = submit();
      ASSERT_TRUE(record) << record.error().text();
      EXPECT_EQ(controller_.jobs.size(), 1U);
      EXPECT_TRUE(files_.list(home_.pending_folder())->empty());
    }
}

TEST_F(Submission, SendsAgainWhatTheControllerHasForgotten) {
  controller_.cut_at(4, Cut::Before);
  ASSERT_FALSE(submit());
  controller_.elements.clear();
  const Result<JobRecord> record = submit();
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(controller_.elements.size(), 3U);
  EXPECT_EQ(controller_.jobs.size(), 1U);
}

TEST_F(Submission, MadeTwiceOnPurposeMakesTwoJobs) {
  ASSERT_TRUE(submit());
  ASSERT_TRUE(submit());
  EXPECT_EQ(controller_.jobs.size(), 2U);
}

TEST_F(Submission, RefusesParametersThatAreNoObject) {
  JobRequest request;
  for (const char* parameters : {"", "[]", "{", "7"}) {
    request.tasks = {{{}, parameters}};
    EXPECT_EQ(client_.submit(request, "key").error().code, ErrorCode::InvalidInput) << parameters;
  }
  EXPECT_EQ(controller_.exchanges(), 0U);
}

TEST_F(Submission, NamesAFileThatIsNotThere) {
  ASSERT_TRUE(files_.remove("/job/sub/seed.txt"));
  const Result<JobRecord> record = submit();
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().text().find("sub/seed.txt"), std::string::npos);
  EXPECT_EQ(controller_.exchanges(), 0U);
}

TEST_F(Submission, ResultsAreFetchedAsTheyComeAndNeverTwice) {
  const Result<JobRecord> record = submit();
  ASSERT_TRUE(record);
  for (std::uint64_t number = 0; number < 7; ++number) controller_.finish_task(record->job.text, number, "result " + std::to_string(number));
  Result<FetchedResults> results = fetch_results(client_, files_, record->job, "/results", quiet);
  ASSERT_TRUE(results) << results.error().text();
  EXPECT_EQ(results->fetched, 7U);
  EXPECT_EQ(results->missing, 2U);
  EXPECT_EQ(results->tasks, 9U);
  EXPECT_EQ(*files_.read("/results/000006.result", kibibytes(1)), "result 6");
  files_.flip_bit("/results/000003.result", 2);
  for (std::uint64_t number = 7; number < 9; ++number) controller_.finish_task(record->job.text, number, "result " + std::to_string(number));
  results = fetch_results(client_, files_, record->job, "/results", quiet);
  ASSERT_TRUE(results);
  EXPECT_EQ(results->fetched, 3U);
  EXPECT_EQ(results->kept, 6U);
  EXPECT_EQ(results->missing, 0U);
  EXPECT_EQ(*files_.read("/results/000003.result", kibibytes(1)), "result 3");
}

TEST_F(Submission, WaitingEndsWithTheJobOrAfterSoManyQuestions) {
  const Result<JobRecord> record = submit();
  ASSERT_TRUE(record);
  std::uint64_t finished = 0;
  const auto work = [&](Duration) { controller_.finish_task(record->job.text, finished++, "r"); };
  const Result<JobRecord> soon = wait_until_over(client_, record->job, 4, Duration(1), work, [](const JobRecord&) {});
  ASSERT_TRUE(soon);
  EXPECT_FALSE(soon->over());
  EXPECT_EQ(soon->done, 3U);
  const Result<JobRecord> later = wait_until_over(client_, record->job, 100, Duration(1), work, [](const JobRecord&) {});
  ASSERT_TRUE(later);
  EXPECT_EQ(later->state, "done");
  EXPECT_EQ(finished, 9U);
}

TEST_F(Submission, CanBeStoppedResumedAndRemoved) {
  const Result<JobRecord> record = submit();
  ASSERT_TRUE(record);
  EXPECT_EQ(client_.stop(record->job)->state, "stopped");
  EXPECT_EQ(client_.resume(record->job)->state, "running");
  EXPECT_EQ(client_.remove(record->job)->state, "removed");
  EXPECT_EQ(client_.stop(JobId("no-such-job")).error().code, ErrorCode::NotFound);
  EXPECT_EQ(client_.stop(JobId("../statements")).error().code, ErrorCode::InvalidInput);
}

}  // namespace
}  // namespace fleet::client
