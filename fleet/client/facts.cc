#include "fleet/client/facts.h"

#include <boost/json.hpp>
#include <ostream>

#include "policies/command_line/table.h"

namespace fleet::client {
namespace {

namespace json = boost::json;
using policies::command_line::Align;
using policies::command_line::Streams;
using policies::command_line::Table;

// "3.2 s": tenths are enough for people.
std::string seconds_text(double seconds) {
  const auto tenths = static_cast<std::int64_t>(seconds * 10.0 + 0.5);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

json::object json_of(const Money& money) { return {{"minor", money.minor_units()}, {"currency", money.currency().code}}; }

json::object json_of(const OwnObject& object) {
  json::array shards;
  for (const ObjectShard& shard : object.record.shards)
    shards.push_back(json::object{{"index", shard.index}, {"digest", shard.digest.text}, {"size", shard.size.count}, {"state", shard.state}, {"machine", shard.machine}});
  return {{"object", object.record.object.text},
          {"name", object.facts.name},
          {"content_type", object.facts.content_type},
          {"size", object.facts.size.count},
          {"digest", object.facts.digest.text},
          {"put_at", text_of(object.facts.put_at)},
          {"state", object.record.state},
          {"data_shards", object.record.code.data},
          {"total_shards", object.record.code.total},
          {"shards", std::move(shards)}};
}

json::object json_of(const JobRecord& job) {
  json::object facts{{"job", job.job.text},
                     {"name", job.name},
                     {"state", job.state},
                     {"tasks", json::object{{"waiting", job.waiting}, {"running", job.running}, {"done", job.done}, {"failed", job.failed}}},
                     {"spent", json_of(job.spent)},
                     {"processor_seconds", job.processor_seconds},
                     {"created_at", text_of(job.created_at)}};
  if (job.finished_at) facts["finished_at"] = text_of(*job.finished_at);
  if (!job.reason.empty()) facts["reason"] = job.reason;
  return facts;
}

json::object json_of(const TaskRecord& task) {
  json::array copies;
  for (const TaskCopy& copy : task.copies)
    copies.push_back(json::object{{"machine", copy.machine}, {"outcome", copy.outcome}, {"digest", copy.digest.text}});
  json::object facts{{"number", task.number}, {"state", task.state}, {"copies", std::move(copies)}};
  if (!task.result.empty()) facts["result_digest"] = task.result.text;
  if (!task.reason.empty()) facts["reason"] = task.reason;
  return facts;
}

std::string held_of(const ObjectRecord& object) {
  const auto held = std::count_if(object.shards.begin(), object.shards.end(), [](const ObjectShard& shard) { return shard.state == "held"; });
  return std::to_string(held) + " of " + std::to_string(object.code.total) + " on machines";
}

std::string line_of(const JobRecord& job) {
  return job.state + ": " + std::to_string(job.done) + " of " + std::to_string(job.tasks()) + " done, " + std::to_string(job.running) + " running, " +
         std::to_string(job.waiting) + " waiting" + (job.failed > 0 ? ", " + std::to_string(job.failed) + " failed" : "") + "; spent " + job.spent.text();
}

void print(const OwnObject& object, Form form, Streams& streams) {
  if (form == Form::Json) {
    streams.out << json::serialize(json_of(object)) << "\n";
    return;
  }
  Table table({{"", Align::Left}, {"", Align::Left}});
  table.row({"object", object.record.object.text});
  table.row({"name", object.facts.name});
  table.row({"size", object.facts.size.text()});
  table.row({"type", object.facts.content_type});
  table.row({"put at", text_of(object.facts.put_at)});
  table.row({"state", object.record.state});
  table.row({"code", std::to_string(object.record.code.data) + " of " + std::to_string(object.record.code.total) + " shards suffice"});
  for (const ObjectShard& shard : object.record.shards)
    table.row({"shard " + std::to_string(shard.index), shard.state + (shard.machine.empty() ? "" : " by " + shard.machine) + ", " + shard.size.text()});
  streams.out << table.text(streams.width);
}

void print(const JobRecord& job, Form form, Streams& streams) {
  if (form == Form::Json) {
    streams.out << json::serialize(json_of(job)) << "\n";
    return;
  }
  Table table({{"", Align::Left}, {"", Align::Left}});
  table.row({"job", job.job.text});
  table.row({"name", job.name});
  table.row({"state", job.state});
  if (!job.reason.empty()) table.row({"reason", job.reason});
  table.row({"tasks", std::to_string(job.tasks()) + ": " + std::to_string(job.done) + " done, " + std::to_string(job.running) + " running, " +
                          std::to_string(job.waiting) + " waiting, " + std::to_string(job.failed) + " failed"});
  table.row({"processor time", seconds_text(job.processor_seconds)});
  table.row({"spent", job.spent.text()});
  table.row({"created at", text_of(job.created_at)});
  if (job.finished_at) table.row({"finished at", text_of(*job.finished_at)});
  streams.out << table.text(streams.width);
}

void print(const JobRecord& job, const std::vector<TaskRecord>& tasks, Form form, Streams& streams) {
  if (form == Form::Json) {
    json::object facts = json_of(job);
    json::array list;
    for (const TaskRecord& task : tasks) list.push_back(json_of(task));
    facts["task_list"] = std::move(list);
    streams.out << json::serialize(facts) << "\n";
    return;
  }
  print(job, form, streams);
  Table table({{"task", Align::Right}, {"state"}, {"result"}, {"copies"}});
  for (const TaskRecord& task : tasks) {
    std::string copies;
    for (const TaskCopy& copy : task.copies) copies += (copies.empty() ? "" : ", ") + copy.outcome + " by " + copy.machine;
    table.row({std::to_string(task.number), task.reason.empty() ? task.state : task.state + ": " + task.reason, task.result.text.substr(0, 12), copies});
  }
  streams.out << "\n" << table.text(streams.width);
}

void print(const std::vector<OwnObject>& objects, Form form, Streams& streams) {
  if (form == Form::Json) {
    json::array all;
    for (const OwnObject& object : objects) all.push_back(json_of(object));
    streams.out << json::serialize(json::object{{"objects", std::move(all)}}) << "\n";
    return;
  }
  Table table({{"object"}, {"name"}, {"size", Align::Right}, {"state"}, {"shards"}, {"put at"}});
  for (const OwnObject& object : objects)
    table.row({object.record.object.text, object.facts.name, object.facts.size.text(), object.record.state, held_of(object.record), text_of(object.facts.put_at)});
  streams.out << table.text(streams.width);
}

void print(const std::vector<JobRecord>& jobs, Form form, Streams& streams) {
  if (form == Form::Json) {
    json::array all;
    for (const JobRecord& job : jobs) all.push_back(json_of(job));
    streams.out << json::serialize(json::object{{"jobs", std::move(all)}}) << "\n";
    return;
  }
  Table table({{"job"}, {"name"}, {"state"}, {"done", Align::Right}, {"tasks", Align::Right}, {"spent", Align::Right}, {"created at"}});
  for (const JobRecord& job : jobs)
    table.row({job.job.text, job.name, job.state, std::to_string(job.done), std::to_string(job.tasks()), job.spent.text(), text_of(job.created_at)});
  streams.out << table.text(streams.width);
}

}  // namespace fleet::client
