// Turns many orders into many disks, some at a time.
#include <glob.h>

#include <ostream>

#include "policies/loading/strict_yaml.h"
#include "provision/cli/build_options.h"
#include "provision/cli/commands.h"
#include "provision/line/display.h"
#include "provision/line/station_record.h"
#include "provision/run/run_lock.h"

namespace provision::cli {
namespace {

using command_line::ExitCode;
using command_line::OptionList;
using command_line::Streams;

struct LineRunOptions {
  std::string list;
  std::string orders;
  std::string disks;
  std::string station;
  std::string rules;
  std::string controller;
  IngredientOptions ingredients;
  SystemOptions system;
  std::string clock;
  std::int64_t jobs = 4;
  bool create_image = false;
  bool erase = false;
  bool json = false;
};

void declare(LineRunOptions& options, OptionList& list) {
  list.optional_word("LIST", options.list, "YAML file that says which order goes onto which disk");
  list.optional("orders", "DIR", options.orders, "instead of LIST: the folder of the orders (*.yaml)");
  list.optional("disks", "GLOB", options.disks, "with --orders: the disks, each named by, or with the serial of, its order's machine");
  list.required("station", "DIR", options.station, "the line's folder (`line init`)");
  list.optional("jobs", "N", options.jobs, {1, line::line_jobs_max}, "how many disks at a time");
  list.optional("rules", "DIR", options.rules, "folder of rules (default: the rules shipped with this program)");
  list.optional("controller", "URL", options.controller, "where the agents call, https://HOST[:PORT]");
  declare_ingredients(options.ingredients, list);
  declare_system(options.system, list);
  list.flag("create-image", options.create_image, "make sparse image files for disks that are not there");
  list.flag("erase", options.erase, "let what is on the disks go, without asking for each");
  declare_clock(options.clock, list);
  list.json(options.json);
}

Done check(const LineRunOptions& options) {
  if (options.list.empty() == (options.orders.empty() && options.disks.empty()))
    return Error{ErrorCode::InvalidInput, "give either LIST, or --orders with --disks", {}};
  if (options.orders.empty() != options.disks.empty())
    return Error{ErrorCode::InvalidInput, "--orders and --disks go together: orders find their disks by name or serial", {}};
  return check_ingredients(options.ingredients);
}

Result<std::vector<line::OrderFile>> orders_in(const std::string& folder, const Ports& ports) {
  const auto names = ports.files.list(folder);
  if (!names) return names.error();
  std::vector<line::OrderFile> orders;
  for (const std::string& name : *names) {
    if (!name.ends_with(".yaml")) continue;
    const auto order = policies::loading::load_order_file(folder + "/" + name, ports.zones);
    if (!order) return order.error();
    orders.push_back({folder + "/" + name, order->id.text, order->serial});
  }
  return orders;
}

Result<std::vector<line::DiskFile>> disks_of(const std::string& pattern, disk::Disks& disks) {
  const auto attached = disks.attached();
  if (!attached) return attached.error();
  std::vector<line::DiskFile> found;
  glob_t paths{};
  const int outcome = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &paths);
  for (std::size_t i = 0; outcome == 0 && i < paths.gl_pathc; ++i) {
    line::DiskFile disk{paths.gl_pathv[i], {}, {}};
    for (const disk::AttachedDisk& one : *attached)
      if (one.path == disk.path) {
        disk.serial = one.serial;
        disk.wwn = one.wwn;
      }
    found.push_back(std::move(disk));
  }
  ::globfree(&paths);
  if (found.empty()) return Error{ErrorCode::NotFound, "no disk is named " + pattern, {}};
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return found;
}

Result<std::vector<line::WorkItem>> items_of(const LineRunOptions& options, const Ports& ports, Streams& streams) {
  if (!options.list.empty()) {
    const auto text = ports.files.read(options.list, Bytes{policies::loading::yaml_size_max});
    if (!text) return text.error().within("reading " + options.list);
    const std::size_t slash = options.list.rfind('/');
    return line::work_list_from(*text, options.list, slash == std::string::npos ? "" : options.list.substr(0, slash));
  }
  const auto orders = orders_in(options.orders, ports);
  if (!orders) return orders.error();
  const auto disks = disks_of(options.disks, ports.disks);
  if (!disks) return disks.error();
  auto found = line::matched(*orders, *disks);
  if (!found) return found.error();
  for (const std::string& left : found->disks_left) streams.err << "no order for " << left << ": left as it is\n";
  return std::move(found->items);
}

std::vector<std::string> arguments_of(const LineRunOptions& options, const line::WorkItem& item) {
  std::vector<std::string> words = {"disk", "apply", item.order, "--disk", item.disk, "--station", options.station, "--events"};
  const auto add = [&words](const char* name, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {name, value});
  };
  add("--confirm", item.confirm);
  add("--rules", options.rules);
  add("--controller", options.controller);
  add("--clock", options.clock);
  const std::vector<std::string> ingredients = words_of(options.ingredients);
  words.insert(words.end(), ingredients.begin(), ingredients.end());
  add("--image", options.system.image);
  add("--image-key", options.system.image_key);
  if (options.create_image) words.emplace_back("--create-image");
  if (options.erase) words.insert(words.end(), {"--erase", "--yes"});
  return words;
}

ExitCode exit_of(const line::LineState& ended) {
  const line::LineCounts counts = ended.counts();
  if (counts.failed == 0) return ExitCode::Done;
  return counts.failed == ended.disks().size() ? ExitCode::Failed : ExitCode::PartlyDone;
}

Result<ExitCode> run(const LineRunOptions& options, const Ports& ports, Streams& streams) {
  const auto clock = clock_from(options.clock, ports);
  if (!clock) return clock.error();
  auto station = run::Station::open(ports.files, options.station);
  if (!station) return station.error();
  auto items = items_of(options, ports, streams);
  if (!items) return items.error();
  const auto attempts = line::attempts_folder(*station);
  if (!attempts) return attempts.error();
  const auto lock = run::RunLock::take({*attempts});
  if (!lock) return lock.error();

  const line::Write to_out = [&streams](const std::string& text) { streams.out << text << std::flush; };
  std::unique_ptr<line::LineWatcher> display;
  if (options.json) display = std::make_unique<line::EventLine>(to_out);
  else if (streams.width != 0) display = std::make_unique<line::DrawnLine>(to_out, streams.width);
  else display = std::make_unique<line::PlainLine>(to_out);
  line::RecordedLine recorded(*station, *display);
  line::ChildCrew crew("/proc/self/exe");
  const line::LineWork work{std::move(*items), options.jobs, [&options](const line::WorkItem& item) { return arguments_of(options, item); }};
  // Times of the display are real ones, also where a rehearsal's clock stands still.
  const auto ended = line::run_line(work, crew, ports.clock, recorded);
  if (!ended) return ended.error();
  if (!options.json) streams.out << line::summary_of(*ended);
  if (!recorded.written()) return recorded.written().error();
  return exit_of(*ended);
}

}  // namespace

command_line::Command line_run_command(const Ports& ports) {
  return command_line::command<LineRunOptions>(
      {.noun = "line",
       .verb = "run",
       .summary = "turn many orders into finished disks, some at a time",
       .description = "Does for each disk what `disk apply` does, each in a process of its own: one that fails never stops the others. Shows "
                      "for each disk its step, bytes, rate and time left; plain lines when the output is no terminal; with --json one event a "
                      "line. Cut at any moment, the same command goes on: what is finished says so, what was cut is finished. Every attempt "
                      "goes on the station's record (`station report`). Needs no network, for as long as it must.\n\n"
                      "LIST is a YAML file: `disks:` with an entry {order, disk, confirm} each; confirm repeats a block device's path, serial "
                      "or WWN. Paths in it are taken from its folder.",
       .examples = {"leaseback-provision line run monday.yaml --station /srv/line-1 --bundle agent.bundle --bundle-key release.pem --jobs 8",
                    "leaseback-provision line run --orders orders --disks 'images/*.img' --create-image --station /srv/line-1 --bundle "
                    "agent.bundle --bundle-key release.pem"},
       .exits = {{ExitCode::Failed, "no disk was finished"}, {ExitCode::PartlyDone, "some disks failed, or the line was cut: run it again"}}},
      declare, [&ports](const LineRunOptions& options, Streams& streams) { return run(options, ports, streams); }, check);
}

}  // namespace provision::cli
