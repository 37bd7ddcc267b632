#include "fleet/client/job_file.h"

#include <elf.h>

#include <boost/json.hpp>
#include <cstring>

#include "policies/loading/strict_yaml.h"

namespace fleet::client {
namespace {

namespace json = boost::json;
using policies::loading::Section;
using policies::loading::StrictYaml;

constexpr std::size_t arguments_max = 64;
constexpr std::size_t argument_size_max = 4'096;
constexpr std::size_t parameters_max = 64;
constexpr std::size_t axes_max = 8;
constexpr std::size_t elements_max = 32;

// What reads as a JSON number, true or false is one; all else is text.
json::value value_of(const std::string& text) {
  json::error_code failure;
  json::value value = json::parse(text, failure);
  if (!failure && (value.is_number() || value.is_bool())) return value;
  return json::string(text);
}

void read_parameters(Section& section, json::object& parameters) {
  for (const auto& [name, value] : section.text_map("parameters", parameters_max, argument_size_max)) parameters[name] = value_of(value);
}

struct Axis {
  std::string name;
  std::vector<json::value> values;
};

Axis read_axis(Section& section) {
  Axis axis{section.text("name", {1, 64}), {}};
  if (section.has("values")) {
    for (const std::string& value : section.texts("values", {1, 10'000}, {1, argument_size_max})) axis.values.push_back(value_of(value));
    return axis;
  }
  constexpr std::int64_t most = 1'000'000'000;
  const std::int64_t from = section.integer("from", {-most, most});
  const std::int64_t to = section.integer("to", {-most, most});
  const std::int64_t step = section.integer_or("step", 1, {1, most});
  if (to < from) section.refuse("to", "must not be less than 'from'");
  if (to >= from && (to - from) / step >= static_cast<std::int64_t>(tasks_max)) {
    section.refuse("to", "makes more than " + std::to_string(tasks_max) + " tasks");
    return axis;
  }
  for (std::int64_t value = from; value <= to; value += step) axis.values.emplace_back(value);
  return axis;
}

// Every combination; the last axis changes fastest.
void add_matrix(Section& tasks, const json::object& shared, std::vector<JobTask>& made) {
  std::vector<Axis> axes;
  std::size_t count = 1;
  for (Section& section : tasks.sections("matrix", {1, axes_max})) {
    axes.push_back(read_axis(section));
    count = axes.back().values.empty() ? 0 : count * std::min(axes.back().values.size(), tasks_max + 1);
    if (count > tasks_max) return tasks.refuse("matrix", "makes more than " + std::to_string(tasks_max) + " tasks");
  }
  for (std::size_t number = 0; number < count; ++number) {
    json::object parameters = shared;
    std::size_t below = count;
    for (const Axis& axis : axes) {
      below /= axis.values.size();
      parameters[axis.name] = axis.values[number / below % axis.values.size()];
    }
    made.push_back({{}, json::serialize(parameters)});
  }
}

std::vector<JobTask> read_tasks(Section tasks) {
  std::vector<JobTask> made;
  json::object shared;
  if (tasks.has("parameters")) read_parameters(tasks, shared);
  if (tasks.has("list") == tasks.has("matrix")) {
    tasks.refuse("list", "tasks need either a list or a matrix");
    return made;
  }
  if (tasks.has("matrix")) {
    add_matrix(tasks, shared, made);
    return made;
  }
  for (Section& task : tasks.sections("list", {1, tasks_max})) {
    json::object parameters = shared;
    if (task.has("parameters")) read_parameters(task, parameters);
    made.push_back({task.texts_or_none("arguments", arguments_max, {0, argument_size_max}), json::serialize(parameters)});
  }
  return made;
}

std::string name_of_file(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void read_elements(Section& root, JobFile& job) {
  const std::string executable = root.text("executable", {1, 4'096});
  job.request.entry = root.text_or("entry", name_of_file(executable), {1, 100});
  job.elements.push_back({job.request.entry, executable, true});
  for (Section& element : root.sections_or_none("data", elements_max)) {
    const std::string file = element.text("file", {1, 4'096});
    job.elements.push_back({element.text_or("name", name_of_file(file), {1, 100}), file, false});
  }
  std::set<std::string> names;
  for (const JobFileElement& element : job.elements) {
    const bool plain = element.name.find('/') == std::string::npos && element.name != "." && element.name != "..";
    if (!plain || !names.insert(element.name).second) root.refuse("data", "'" + element.name + "' names two elements, or is no file name");
  }
}

}  // namespace

Result<JobFile> job_file_from(std::string_view text, const std::string& file) {
  Result<StrictYaml> yaml = StrictYaml::parse(text, file);
  if (!yaml) return yaml.error();
  Section root = yaml->root();
  JobFile job;
  JobRequest& request = job.request;
  request.name = root.text("name", {1, 100});
  read_elements(root, job);
  const std::vector<std::string> arguments = root.texts_or_none("arguments", arguments_max, {0, argument_size_max});
  request.tasks = read_tasks(root.section("tasks"));
  for (JobTask& task : request.tasks) task.arguments.insert(task.arguments.begin(), arguments.begin(), arguments.end());
  request.copies = static_cast<std::uint32_t>(root.integer_or("copies", request.copies, {1, 10}));
  if (std::optional<Section> limits = root.optional_section("limits")) {
    JobLimits& most = request.limits;
    most.memory = limits->bytes_or("memory", most.memory, {mebibytes(1), gibibytes(64)});
    most.scratch = limits->bytes_or("scratch", most.scratch, {Bytes{0}, gibibytes(64)});
    most.result = limits->bytes_or("result", most.result, {Bytes{1}, element_max});
    const Duration processor = limits->duration_or("processor", Duration(most.processor_seconds * 1'000), {Duration(1'000), Duration(1'000'000'000)});
    most.processor_seconds = static_cast<std::uint32_t>((processor.count() + 999) / 1'000);
  }
  request.speed_mhz = static_cast<std::uint32_t>(root.integer_or("speed_mhz", 0, {0, 100'000}));
  request.reliability = root.number_or("reliability", 0.0, {0.0, 0.999999});
  if (root.has("cost_max")) request.cost_max = root.money("cost_max");
  request.deadline = root.optional_instant("deadline");
  if (const Done whole = yaml->finish(); !whole) return whole.error();
  return job;
}

Done check_executable(std::string_view bytes) {
  const auto refuse = [](const std::string& why) { return Error{ErrorCode::InvalidInput, why, {}}; };
  Elf64_Ehdr head{};
  if (bytes.size() < sizeof head) return refuse("it is no program");
  std::memcpy(&head, bytes.data(), sizeof head);
  const bool elf = std::memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == ELFCLASS64 && head.e_machine == EM_X86_64 &&
                   (head.e_type == ET_EXEC || head.e_type == ET_DYN) && head.e_phentsize == sizeof(Elf64_Phdr);
  if (!elf) return refuse("it is no x86-64 Linux program; a script needs an interpreter, which the sandbox does not have");
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    const std::uint64_t at = head.e_phoff + i * sizeof(Elf64_Phdr);
    if (head.e_phoff > bytes.size() || at + sizeof(Elf64_Phdr) > bytes.size()) return refuse("it is a damaged program");
    Elf64_Phdr part{};
    std::memcpy(&part, bytes.data() + at, sizeof part);
    if (part.p_type == PT_INTERP) return refuse("it needs shared libraries, which the sandbox does not have; link it with -static");
  }
  return {};
}

}  // namespace fleet::client
