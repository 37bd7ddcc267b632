#include "fleet/client/records.h"

#include <boost/json.hpp>

#include "policies/vocabulary/hex.h"

namespace fleet::client {
namespace {

namespace json = boost::json;

constexpr std::size_t depth_max = 16;

// Reads fields of one object and keeps the first that is wrong.
class Fields {
 public:
  Fields(const json::object& object, std::optional<Error>& problem) : object_(object), problem_(problem) {}

  const json::value* find(std::string_view key) const { return object_.if_contains(key); }
  std::string text(std::string_view key) { return string(needed(key), key); }
  std::string text_or(std::string_view key, std::string otherwise) {
    const json::value* found = find(key);
    return found == nullptr || found->is_null() ? std::move(otherwise) : string(found, key);
  }
  std::uint64_t count(std::string_view key) {
    const json::value* found = needed(key);
    if (found == nullptr) return 0;
    if (found->is_int64() && found->get_int64() >= 0) return static_cast<std::uint64_t>(found->get_int64());
    if (found->is_uint64()) return found->get_uint64();
    refuse(key, "is no count");
    return 0;
  }
  double number(std::string_view key) {
    const json::value* found = needed(key);
    if (found == nullptr) return 0;
    json::error_code failure;
    const auto number = found->to_number<double>(failure);
    if (failure) refuse(key, "is no number");
    return failure ? 0 : number;
  }
  Digest digest(std::string_view key) {
    std::string text_of_digest = text(key);
    if (!problem_ && !is_sha256_hex(text_of_digest)) refuse(key, "is no digest");
    return Digest(std::move(text_of_digest));
  }
  Digest digest_or_none(std::string_view key) {
    const std::string given = text_or(key, "");
    if (!given.empty() && !is_sha256_hex(given)) refuse(key, "is no digest");
    return Digest(given);
  }
  Instant instant(std::string_view key) { return instant_of(text(key), key); }
  std::optional<Instant> instant_or_none(std::string_view key) {
    const std::string given = text_or(key, "");
    return given.empty() ? std::nullopt : std::optional<Instant>(instant_of(given, key));
  }
  std::optional<Money> money_or_none(std::string_view key) {
    const json::value* found = find(key);
    return found == nullptr || found->is_null() ? std::nullopt : std::optional<Money>(money(key));
  }
  Money money(std::string_view key) {
    const json::value* found = needed(key);
    if (found == nullptr) return {};
    const json::object* amount = found->if_object();
    const json::value* minor = amount == nullptr ? nullptr : amount->if_contains("minor");
    const json::value* code = amount == nullptr ? nullptr : amount->if_contains("currency");
    if (minor == nullptr || !minor->is_int64() || code == nullptr || !code->is_string()) {
      refuse(key, "is no amount of money");
      return {};
    }
    const Result<Currency> currency = currency_from(std::string_view(code->get_string()));
    if (!currency) {
      refuse(key, currency.error().message);
      return {};
    }
    return {minor->get_int64(), *currency};
  }
  template <typename Read>
  void each(std::string_view key, Read read) {
    const json::value* found = needed(key);
    if (found == nullptr) return;
    const json::array* items = found->if_array();
    if (items == nullptr) return refuse(key, "is no list");
    for (const json::value& item : *items) {
      const json::object* object = item.if_object();
      if (object == nullptr) return refuse(key, "holds something that is no object");
      Fields fields(*object, problem_);
      read(fields);
      if (problem_) return;
    }
  }
  template <typename Read>
  void inside(std::string_view key, Read read) {
    const json::value* found = needed(key);
    if (found == nullptr) return;
    const json::object* object = found->if_object();
    if (object == nullptr) return refuse(key, "is no object");
    Fields fields(*object, problem_);
    read(fields);
  }
  void refuse(std::string_view key, const std::string& why) {
    if (!problem_) problem_ = Error{ErrorCode::InvalidInput, "the controller's answer: '" + std::string(key) + "' " + why, {}};
  }

 private:
  const json::value* needed(std::string_view key) {
    const json::value* found = find(key);
    if (found == nullptr) refuse(key, "is missing");
    return found;
  }
  std::string string(const json::value* found, std::string_view key) {
    if (found != nullptr && found->is_string()) return std::string(found->get_string());
    if (found != nullptr) refuse(key, "is no text");
    return {};
  }
  Instant instant_of(const std::string& text_of_instant, std::string_view key) {
    const Result<Instant> moment = instant_from(text_of_instant);
    if (!moment) refuse(key, "is no time");
    return moment.value_or(Instant());
  }
  const json::object& object_;
  std::optional<Error>& problem_;
};

template <typename Record, typename Read>
Result<Record> parsed(std::string_view text, Read read) {
  json::parse_options options;
  options.max_depth = depth_max;
  json::error_code failure;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failure, {}, options);
  if (failure || !value.is_object()) return Error{ErrorCode::InvalidInput, "the controller's answer is no JSON object", {}};
  std::optional<Error> problem;
  Fields fields(value.get_object(), problem);
  Record record = read(fields);
  if (problem) return *problem;
  return record;
}

ObjectRecord read_object(Fields& fields) {
  ObjectRecord object;
  object.object = ObjectId(fields.text("object"));
  const Result<std::string> sealed = images::keys::bytes_of_base64(fields.text("sealed_facts"));
  if (!sealed) fields.refuse("sealed_facts", "is no base64");
  object.sealed_facts = sealed.value_or("");
  object.state = fields.text("state");
  object.code = {fields.count("data_shards"), fields.count("total_shards")};
  object.created_at = fields.instant("created_at");
  fields.each("shards", [&](Fields& shard) {
    object.shards.push_back({shard.count("index"), shard.digest("digest"), Bytes{shard.count("size")}, shard.text("state"), shard.text_or("machine", "")});
  });
  return object;
}

JobRecord read_job(Fields& fields) {
  JobRecord job;
  job.job = JobId(fields.text("job"));
  job.name = fields.text("name");
  job.state = fields.text("state");
  fields.inside("tasks", [&](Fields& tasks) {
    job.waiting = tasks.count("waiting");
    job.running = tasks.count("running");
    job.done = tasks.count("done");
    job.failed = tasks.count("failed");
  });
  job.spent = fields.money("spent");
  job.processor_seconds = fields.number("processor_seconds");
  job.created_at = fields.instant("created_at");
  job.finished_at = fields.instant_or_none("finished_at");
  job.reason = fields.text_or("reason", "");
  return job;
}

json::object money_of(const Money& money) { return {{"minor", money.minor_units()}, {"currency", money.currency().code}}; }

ErrorCode code_of(int status, std::string_view name) {
  for (int code = 0; code <= static_cast<int>(ErrorCode::Interrupted); ++code)
    if (name_of(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
  switch (status) {
    case 401: return ErrorCode::Unauthenticated;
    case 403: return ErrorCode::PermissionDenied;
    case 404: return ErrorCode::NotFound;
    case 409: return ErrorCode::Conflict;
    case 413: return ErrorCode::LimitExceeded;
    case 422: return ErrorCode::Refused;
    case 507: return ErrorCode::OutOfSpace;
    default: return status >= 500 ? ErrorCode::Unavailable : ErrorCode::InvalidInput;
  }
}

}  // namespace

Result<Account> account_from(std::string_view text) {
  return parsed<Account>(text, [](Fields& fields) {
    return Account{PartyId(fields.text("party")), fields.text("name"), fields.money("balance"), fields.money("spent_month"), fields.money_or_none("spending_limit")};
  });
}

Result<ObjectRecord> object_from(std::string_view text) { return parsed<ObjectRecord>(text, read_object); }

Result<std::vector<ObjectRecord>> objects_from(std::string_view text) {
  return parsed<std::vector<ObjectRecord>>(text, [](Fields& fields) {
    std::vector<ObjectRecord> objects;
    fields.each("objects", [&](Fields& object) { objects.push_back(read_object(object)); });
    return objects;
  });
}

Result<Retrieval> retrieval_from(std::string_view text) {
  return parsed<Retrieval>(text, [](Fields& fields) {
    Retrieval retrieval;
    fields.each("ready", [&](Fields& shard) { retrieval.ready.push_back({shard.count("index"), shard.digest("digest")}); });
    retrieval.waiting = fields.count("waiting");
    return retrieval;
  });
}

Result<JobRecord> job_from(std::string_view text) { return parsed<JobRecord>(text, read_job); }

Result<std::vector<JobRecord>> jobs_from(std::string_view text) {
  return parsed<std::vector<JobRecord>>(text, [](Fields& fields) {
    std::vector<JobRecord> jobs;
    fields.each("jobs", [&](Fields& job) { jobs.push_back(read_job(job)); });
    return jobs;
  });
}

Result<TaskPage> tasks_from(std::string_view text) {
  return parsed<TaskPage>(text, [](Fields& fields) {
    TaskPage page;
    fields.each("tasks", [&](Fields& task) {
      TaskRecord record{task.count("number"), task.text("state"), task.digest_or_none("result_digest"), {}, task.text_or("reason", "")};
      if (task.find("copies") != nullptr)
        task.each("copies", [&](Fields& copy) {
          record.copies.push_back({copy.text_or("machine", ""), copy.text_or("outcome", ""), copy.digest_or_none("digest")});
        });
      page.tasks.push_back(std::move(record));
    });
    if (const json::value* next = fields.find("next"); next != nullptr && !next->is_null()) page.next = fields.count("next");
    return page;
  });
}

Error error_from(int status, std::string_view text) {
  json::error_code failure;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failure);
  const json::object* object = failure ? nullptr : value.if_object();
  const json::value* code = object == nullptr ? nullptr : object->if_contains("code");
  const json::value* message = object == nullptr ? nullptr : object->if_contains("message");
  const bool named = code != nullptr && code->is_string() && message != nullptr && message->is_string();
  return {code_of(status, named ? std::string_view(code->get_string()) : std::string_view()),
          named ? std::string(message->get_string()) : "the controller answered with status " + std::to_string(status), {}};
}

std::string body_of(const ObjectId& id, const objects::SealedObject& sealed) {
  json::array shards;
  for (const objects::ShardFacts& shard : sealed.shards)
    shards.push_back(json::object{{"index", shard.index}, {"digest", shard.digest.text}, {"size", shard.size.count}});
  return json::serialize(json::object{{"object", id.text},
                                      {"sealed_facts", images::keys::base64_of(sealed.sealed_facts)},
                                      {"data_shards", sealed.code.data},
                                      {"total_shards", sealed.code.total},
                                      {"shards", std::move(shards)}});
}

Result<std::string> body_of(const JobRequest& request) {
  json::array elements, tasks;
  for (const JobElement& element : request.elements)
    elements.push_back(json::object{{"name", element.name}, {"digest", element.digest.text}, {"size", element.size.count}, {"executable", element.executable}});
  for (const JobTask& task : request.tasks) {
    json::error_code failure;
    json::value parameters = json::parse(task.parameters_json, failure);
    if (failure || !parameters.is_object())
      return Error{ErrorCode::InvalidInput, "the parameters of task " + std::to_string(tasks.size()) + " are no JSON object", {}};
    tasks.push_back(json::object{{"arguments", json::array(task.arguments.begin(), task.arguments.end())}, {"parameters", std::move(parameters)}});
  }
  json::object body{{"name", request.name},
                    {"entry", request.entry},
                    {"elements", std::move(elements)},
                    {"tasks", std::move(tasks)},
                    {"copies", request.copies},
                    {"limits", json::object{{"memory_bytes", request.limits.memory.count},
                                            {"scratch_bytes", request.limits.scratch.count},
                                            {"result_bytes", request.limits.result.count},
                                            {"processor_seconds", request.limits.processor_seconds}}}};
  if (request.speed_mhz != 0) body["speed_mhz"] = request.speed_mhz;
  if (request.reliability != 0.0) body["reliability"] = request.reliability;
  if (request.cost_max) body["cost_max"] = money_of(*request.cost_max);
  if (request.deadline) body["deadline"] = text_of(*request.deadline);
  return json::serialize(body);
}

}  // namespace fleet::client
