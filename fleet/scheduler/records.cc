// The values of Table::Jobs, Table::Tasks and Table::Assignments. Fields are only ever added; a new one must read well when absent.
#include "fleet/scheduler/model.h"
#include "fleet/store/record.h"

namespace fleet::scheduler {
namespace {
using boost::json::array;
using boost::json::object;
using boost::json::value;
using store::record_of;
using store::RecordReader;

template <typename State>
Result<State> state_from(const std::string& name, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (name_of(static_cast<State>(i)) == name) return static_cast<State>(i);
  return Error{ErrorCode::Corrupt, "'" + name + "' is no state", {}};
}

value text_or_null(const std::optional<Money>& money) {
  if (!money) return nullptr;
  return value(money->text());
}

array elements_record(const std::vector<JobElement>& elements) {
  array list;
  for (const JobElement& element : elements)
    list.push_back(object{{"name", element.name}, {"digest", element.digest.text}, {"size", element.size.count},
                          {"executable", element.executable}});
  return list;
}

Result<std::vector<JobElement>> elements_from(const array& list) {
  std::vector<JobElement> elements;
  for (const value& item : list) {
    RecordReader reader(item);
    JobElement element;
    element.name = reader.text("name");
    element.digest = Digest(reader.text("digest"));
    element.size = reader.bytes("size");
    element.executable = reader.flag("executable");
    if (Done done = reader.outcome(); !done) return done.error();
    elements.push_back(std::move(element));
  }
  return elements;
}

object limits_record(const TaskLimits& limits) {
  return {{"memory", limits.memory.count}, {"scratch", limits.scratch.count}, {"result", limits.result.count},
          {"processor_seconds", limits.processor_seconds}};
}

void read_wishes(RecordReader& reader, JobOrder& order) {
  order.limits.memory = reader.bytes("memory");
  order.limits.scratch = reader.bytes("scratch");
  order.limits.result = reader.bytes("result");
  order.limits.processor_seconds = reader.small("processor_seconds");
  order.priority = static_cast<std::int32_t>(reader.number("priority"));
  order.speed_mhz = reader.real("speed_mhz");
  order.bandwidth_bytes = reader.real("bandwidth_bytes");
  order.reliability = reader.real("reliability");
  order.work_mhz_seconds = reader.real("work_mhz_seconds");
  order.result_bytes_expected = reader.bytes("result_bytes_expected");
}

}  // namespace

std::string job_record(const JobRow& row) {
  const JobOrder& order = row.order;
  object record{{"client", order.client.text},
                {"idempotency_key", order.idempotency_key},
                {"name", order.name},
                {"entry", order.entry},
                {"elements", elements_record(order.elements)},
                {"copies_asked", order.copies},
                {"priority", order.priority},
                {"speed_mhz", order.speed_mhz},
                {"bandwidth_bytes", order.bandwidth_bytes},
                {"reliability", order.reliability},
                {"work_mhz_seconds", order.work_mhz_seconds},
                {"result_bytes_expected", order.result_bytes_expected.count},
                {"cost_max", text_or_null(order.cost_max)},
                {"deadline", record_of(order.deadline)},
                {"state", std::string(name_of(row.state))},
                {"reason", row.reason},
                {"created_at", record_of(row.created_at)},
                {"launched_at", record_of(row.launched_at)},
                {"finished_at", record_of(row.finished_at)},
                {"copies", row.copies},
                {"spent", row.spent.text()},
                {"samples", row.samples},
                {"last_sample_at", record_of(row.last_sample_at)},
                {"launch_power_mhz", row.launch_power_mhz},
                {"settlements", row.settlements},
                {"moved_settled", row.moved_settled}};
  if (row.state == JobState::Removed) {
    // The tasks, from which these are summed otherwise, are gone.
    record["result_bytes"] = row.result_bytes;
    record["processor_ms"] = row.processor_ms;
    record["availability_ppm"] = row.availability_ppm;
  }
  for (const auto& field : limits_record(order.limits)) record.insert(field);
  return boost::json::serialize(record);
}

Result<JobRow> job_from(std::string_view text) {
  RecordReader reader(text);
  JobRow row;
  row.order.client = PartyId(reader.text("client"));
  row.order.idempotency_key = reader.text("idempotency_key");
  row.order.name = reader.text("name");
  row.order.entry = reader.text("entry");
  Result<std::vector<JobElement>> elements = elements_from(reader.list("elements"));
  if (!elements) return elements.error();
  row.order.elements = std::move(*elements);
  row.order.copies = reader.real("copies_asked");
  read_wishes(reader, row.order);
  row.order.cost_max = reader.money_if_any("cost_max");
  row.order.deadline = reader.instant_if_any("deadline");
  const std::string state = reader.text("state");
  row.reason = reader.text("reason");
  row.created_at = reader.instant("created_at");
  row.launched_at = reader.instant_if_any("launched_at");
  row.finished_at = reader.instant_if_any("finished_at");
  row.copies = reader.real("copies");
  row.spent = reader.money_if_any("spent").value_or(Money());
  row.samples = reader.small("samples");
  row.last_sample_at = reader.instant_if_any("last_sample_at");
  row.launch_power_mhz = reader.count("launch_power_mhz");
  row.settlements = reader.small("settlements");
  row.moved_settled = reader.count("moved_settled");
  if (Done done = reader.outcome(); !done) return done.error();
  const Result<JobState> known = state_from<JobState>(state, 5);
  if (!known) return known.error();
  row.state = *known;
  if (row.state == JobState::Removed) {
    row.result_bytes = reader.count("result_bytes");
    row.processor_ms = reader.count("processor_ms");
    row.availability_ppm = reader.small("availability_ppm");
    if (Done done = reader.outcome(); !done) return done.error();
  }
  return row;
}

std::string task_record(const TaskRow& row) {
  object record{{"wanted", row.wanted}};
  if (row.over) {
    record["state"] = row.done ? "done" : "failed";
    record["digest"] = row.digest;
    record["size"] = row.result_bytes;
    record["reason"] = row.reason;
  } else {
    record["state"] = "open";
    array arguments;
    for (const std::string& argument : row.order->arguments) arguments.emplace_back(argument);
    record["arguments"] = std::move(arguments);
    record["parameters"] = row.order->parameters_json;
  }
  return boost::json::serialize(record);
}

Result<TaskRow> task_from(std::string_view text) {
  RecordReader reader(text);
  TaskRow row;
  row.wanted = static_cast<std::uint8_t>(reader.small("wanted"));
  const std::string state = reader.text("state");
  if (state == "open") {
    row.order.emplace();
    for (const value& argument : reader.list("arguments"))
      if (const auto* item = argument.if_string()) row.order->arguments.emplace_back(item->data(), item->size());
    row.order->parameters_json = reader.text("parameters");
  } else {
    row.over = true;
    row.done = state == "done";
    row.digest = reader.text("digest");
    row.result_bytes = reader.count("size");
    row.reason = reader.text("reason");
    if (state != "done" && state != "failed") return Error{ErrorCode::Corrupt, "'" + state + "' is no state of a task", {}};
  }
  if (Done done = reader.outcome(); !done) return done.error();
  if (row.wanted == 0) return Error{ErrorCode::Corrupt, "a task wants at least one copy", {}};
  return row;
}

std::string copy_record(const CopyRow& row, const MachineId& machine, const PartyId& owner) {
  return boost::json::serialize(object{{"machine", machine.text},
                                       {"owner", owner.text},
                                       {"state", std::string(name_of(row.state))},
                                       {"assigned_at", record_of(row.assigned_at)},
                                       {"deadline", record_of(row.deadline)},
                                       {"digest", row.digest},
                                       {"size", row.result_bytes},
                                       {"processor_ms", row.processor_ms},
                                       {"occupied_ms", row.occupied_ms},
                                       {"reason", row.reason}});
}

Result<ReadCopy> copy_from(std::string_view text) {
  RecordReader reader(text);
  ReadCopy read;
  read.machine = MachineId(reader.text("machine"));
  read.owner = PartyId(reader.text("owner"));
  const std::string state = reader.text("state");
  read.row.assigned_at = reader.instant("assigned_at");
  read.row.deadline = reader.instant("deadline");
  read.row.digest = reader.text("digest");
  read.row.result_bytes = reader.count("size");
  read.row.processor_ms = reader.count("processor_ms");
  read.row.occupied_ms = reader.count("occupied_ms");
  read.row.reason = reader.text("reason");
  if (Done done = reader.outcome(); !done) return done.error();
  const Result<CopyState> known = state_from<CopyState>(state, 9);
  if (!known) return known.error();
  read.row.state = *known;
  return read;
}

std::string work_record(const WorkRow& row) {
  return boost::json::serialize(object{{"folded_occupied_ms", row.folded.occupied_ms},
                                       {"folded_processor_ms", row.folded.processor_ms},
                                       {"folded_copies", row.folded.copies},
                                       {"settled_occupied_ms", row.settled.occupied_ms},
                                       {"settled_processor_ms", row.settled.processor_ms},
                                       {"settled_copies", row.settled.copies},
                                       {"settlements", row.settlements}});
}

Result<WorkRow> work_from(std::string_view text) {
  RecordReader reader(text);
  WorkRow row;
  row.folded = {reader.count("folded_occupied_ms"), reader.count("folded_processor_ms"), reader.count("folded_copies")};
  row.settled = {reader.count("settled_occupied_ms"), reader.count("settled_processor_ms"), reader.count("settled_copies")};
  row.settlements = reader.small("settlements");
  if (Done done = reader.outcome(); !done) return done.error();
  return row;
}

}  // namespace fleet::scheduler
