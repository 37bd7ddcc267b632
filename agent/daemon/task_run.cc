// One task in the sandbox of this machine, without a controller: to try a job before it is sent, and to see why one
// failed.
#include <stdlib.h>

#include <filesystem>
#include <ostream>

#include "agent/daemon/commands.h"
#include "agent/daemon/mailbox.h"
#include "agent/sandbox/bubblewrap_sandbox.h"
#include "images/files/posix_files.h"

namespace agent::daemon {
namespace {

using policies::command_line::ExitCode;
using policies::command_line::OptionList;
using policies::command_line::Streams;

constexpr Bytes element_max = gibibytes(4);
constexpr Duration a_day{86'400'000};

struct TaskRunOptions {
  std::string entry;
  std::vector<std::string> elements;
  std::vector<std::string> arguments;
  std::string parameters = "{}";
  std::string result;
  std::string folder;
  Bytes memory = mebibytes(512);
  Bytes scratch = mebibytes(64);
  Bytes result_max = mebibytes(64);
  Duration processor{600'000};
};

void declare(TaskRunOptions& options, OptionList& list) {
  list.word("PROGRAM", options.entry, "the job's executable: a static one");
  list.optional_words("ARGUMENT", options.arguments, "arguments of the task");
  list.repeated("element", "NAME=FILE", options.elements, "a data element");
  list.optional("parameters", "JSON", options.parameters, "the task's parameters; @FILE reads them from a file");
  list.required("result", "FILE", options.result, "where the result goes");
  list.optional("folder", "DIR", options.folder,
                "keeps the checkpoint from one run to the next (default: nothing is kept)");
  list.optional("memory", "SIZE", options.memory, "limit of memory");
  list.optional("scratch", "SIZE", options.scratch, "size of /task/scratch");
  list.optional("result-max", "SIZE", options.result_max, "largest result");
  list.optional("processor", "TIME", options.processor, "limit of processor time");
}

// Copies an element beside the task, so that nothing of the caller's files is touched.
Done add_element(images::files::Files& files, sandbox::TaskSpec& spec, const std::string& name, const std::string& from,
                 bool executable) {
  Result<std::string> bytes = files.read(from, element_max);
  if (!bytes) return std::move(bytes).error();
  const std::string path = spec.folder + "/element-" + std::to_string(spec.elements.size());
  Done copied = files.remove(path);
  if (copied) copied = files.replace(path, *bytes, images::files::Access::OwnerOnly);
  if (copied) spec.elements.push_back({.name = name, .path = path, .executable = executable});
  return copied;
}

Result<sandbox::TaskSpec> spec_from(images::files::Files& files, const TaskRunOptions& options,
                                    const std::string& folder) {
  sandbox::TaskSpec spec{.assignment = AssignmentId{"local"},
                         .folder = folder,
                         .elements = {},
                         .entry = options.entry.substr(options.entry.rfind('/') + 1),
                         .arguments = options.arguments,
                         .parameters_json = options.parameters,
                         .limits = {.memory = options.memory,
                                    .scratch = options.scratch,
                                    .result = options.result_max,
                                    .processor = options.processor,
                                    .wall = a_day}};
  Done made = files.make_directory(folder, images::files::Access::OwnerOnly);
  if (made) made = add_element(files, spec, spec.entry, options.entry, true);
  for (const std::string& element : options.elements) {
    const std::size_t equals = element.find('=');
    if (equals == std::string::npos)
      return Error{ErrorCode::InvalidInput, "--element wants NAME=FILE, not \"" + element + "\"", {}};
    if (made) made = add_element(files, spec, element.substr(0, equals), element.substr(equals + 1), false);
  }
  if (!made) return made.error();
  if (options.parameters.starts_with("@")) {
    Result<std::string> text = files.read(options.parameters.substr(1), mebibytes(1));
    if (!text) return std::move(text).error();
    spec.parameters_json = *std::move(text);
  }
  return spec;
}

Result<ExitCode> report_end(images::files::Files& files, const TaskRunOptions& options, const sandbox::TaskEnd& end,
                            Streams& streams) {
  if (end.kind == sandbox::EndKind::Exited && end.exit_code == 0) {
    Done written = files.replace(options.result, end.result, images::files::Access::Everyone);
    if (!written) return written.error();
    streams.out << "Done: " << Bytes{end.result.size()}.text() << " in " << options.result << ", "
                << end.processor.count() << " ms of processor time.\n";
    return ExitCode::Done;
  }
  streams.err << "The task did not end well (status " << end.exit_code << ")";
  if (!end.reason.empty()) streams.err << ": " << end.reason;
  streams.err << "\n";
  return end.kind == sandbox::EndKind::Unfinished ? ExitCode::PartlyDone : ExitCode::Failed;
}

Result<ExitCode> run(const TaskRunOptions& options, Streams& streams) {
  images::files::PosixFiles files;
  char made[] = "/tmp/leaseback-task-XXXXXX";
  std::string folder = options.folder;
  if (folder.empty()) {
    if (mkdtemp(made) == nullptr) return Error{ErrorCode::IoFailure, "no folder could be made in /tmp", {}};
    folder = made;
  }
  Mailbox mailbox;
  Result<ExitCode> code = ExitCode::Failed;
  {
    sandbox::BubblewrapSandbox sandbox({}, [&mailbox](sandbox::TaskEnd end) { mailbox.post(Event(std::move(end))); });
    Result<sandbox::TaskSpec> spec = spec_from(files, options, std::filesystem::absolute(folder).string());
    Done started = spec ? sandbox.start(*spec) : Done(spec.error());
    if (started) {
      std::deque<Mail> mails;
      while (mails.empty()) mails = mailbox.take(a_day);
      code = report_end(files, options, std::get<sandbox::TaskEnd>(std::get<Event>(mails.front())), streams);
    } else {
      code = started.error();
    }
    if (options.folder.empty()) static_cast<void>(sandbox.discard(folder).has_value());
  }
  return code;
}

}  // namespace

policies::command_line::Command task_run_command() {
  return policies::command_line::command<TaskRunOptions>(
      {.noun = "task",
       .verb = "run",
       .summary = "run one task in the sandbox of this machine",
       .description = "The program sees what a leased task sees (agent/runtime/RUNTIME.md): its elements, its "
                      "parameters, no network, no files of "
                      "this machine. What it prints on standard error is shown when it fails.",
       .examples = {"leaseback-agent task run ./tile --parameters '{\"row\": 3}' --result tile-3.bin",
                    "leaseback-agent task run ./count --element words.txt=/usr/share/dict/words --result count.json"},
       .exits = {{ExitCode::Failed, "the task failed, or no sandbox can be made here"},
                 {ExitCode::PartlyDone, "the task ended unfinished; with --folder, run it again to go on"}}},
      declare, run);
}

}  // namespace agent::daemon
