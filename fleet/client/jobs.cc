#include "fleet/client/jobs.h"

#include <array>
#include <cstdio>

#include "fleet/client/pending.h"
#include "fleet/client/records.h"
#include "policies/vocabulary/hex.h"

namespace fleet::client {
namespace {

namespace keys = images::keys;
using images::files::Access;
using images::files::Files;

constexpr std::size_t idempotency_key_size = 16;
constexpr std::uint64_t progress_every = 50;

Result<std::string> found(Files& files, const std::string& name, const std::vector<std::string>& folders) {
  if (name.starts_with('/')) return name;
  std::string tried;
  for (const std::string& folder : folders) {
    std::string path = folder + "/" + name;
    const Result<bool> there = files.exists(path);
    if (!there) return there.error();
    if (*there) return path;
    tried += (tried.empty() ? "" : ", ") + folder;
  }
  return Error{ErrorCode::NotFound, "there is no file '" + name + "' in " + tried + "; name its folder with --files", {}};
}

struct Loaded {
  JobRequest request;
  std::vector<std::string> contents;  // as request.elements
};

Result<Loaded> loaded(Files& files, const JobFile& job, const std::vector<std::string>& folders) {
  Loaded all{job.request, {}};
  for (const JobFileElement& element : job.elements) {
    const Result<std::string> path = found(files, element.file, folders);
    if (!path) return path.error();
    Result<std::string> bytes = files.read(*path, element_max);
    if (!bytes) return bytes.error().within("reading " + *path);
    if (element.executable)
      if (const Done checked = check_executable(*bytes); !checked) return checked.error().within("reading " + *path);
    all.request.elements.push_back({element.name, keys::sha256(*bytes), Bytes{bytes->size()}, element.executable});
    all.contents.push_back(*std::move(bytes));
  }
  return all;
}

Result<JobRecord> sent_and_submitted(Client& client, Pending& pending, const Loaded& all, PendingJob& work, const Progress& progress) {
  for (std::size_t i = 0; i < all.contents.size(); ++i) {
    const JobElement& element = all.request.elements[i];
    if (work.sent.contains(element.digest.text)) continue;
    if (const Done sent = client.put_element(element.digest, all.contents[i]); !sent) return sent.error();
    work.sent.insert(element.digest.text);
    if (const Done written = pending.write(work); !written) return written.error();
    progress("sent " + element.name + " (" + element.size.text() + ")");
  }
  return client.submit(all.request, work.idempotency_key);
}

std::string path_of_result(const std::string& folder, std::uint64_t number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/%06llu.result", static_cast<unsigned long long>(number));
  return folder + name.data();
}

Done fetch_one(Client& client, Files& files, const TaskRecord& task, const std::string& path, FetchedResults& results) {
  const Result<bool> there = files.exists(path);
  if (!there) return there.error();
  if (*there) {
    const Result<std::string> kept = files.read(path, element_max);
    if (kept && keys::sha256(*kept) == task.result) {
      ++results.kept;
      return {};
    }
  }
  const Result<std::string> bytes = client.get_element(task.result);
  if (!bytes) return bytes.error();
  if (const Done written = files.replace(path, *bytes, Access::Everyone); !written) return written;
  ++results.fetched;
  return {};
}

}  // namespace

Result<JobRecord> submit_job(const Home& home, Client& client, const JobFile& job, const std::vector<std::string>& folders, const Progress& progress) {
  const std::string doing = "submitting job " + job.request.name;
  const Result<Loaded> all = loaded(home.files(), job, folders);
  if (!all) return all.error().within(doing);
  const Result<std::string> body = body_of(all->request);
  if (!body) return body.error().within(doing);
  Pending pending(home, "job", keys::sha256(*body));
  Result<std::optional<PendingJob>> begun = pending.read_job();
  if (!begun) return begun.error().within(doing);
  PendingJob work{hex_of(keys::random_bytes(idempotency_key_size)), {}};
  if (*begun) {
    work = **begun;
    progress("going on with what was begun");
  }
  if (const Done written = pending.write(work); !written) return written.error().within(doing);
  const bool resumed = !work.sent.empty();
  Result<JobRecord> record = sent_and_submitted(client, pending, *all, work, progress);
  if (!record && resumed && (record.error().code == ErrorCode::NotFound || record.error().code == ErrorCode::Conflict)) {
    // The controller no longer has what was sent long ago.
    work.sent.clear();
    record = sent_and_submitted(client, pending, *all, work, progress);
  }
  if (!record) return record.error().within(doing);
  if (const Done finished = pending.finish(0); !finished) return finished.error().within(doing);
  return record;
}

Result<JobRecord> wait_until_over(Client& client, const JobId& id, std::size_t asks, Duration between, const Pause& pause,
                                  const std::function<void(const JobRecord&)>& seen) {
  invariant(asks > 0, "waiting needs at least one question");
  for (std::size_t i = 0;; ++i) {
    Result<JobRecord> record = client.job(id);
    if (!record) return record;
    seen(*record);
    if (record->over() || i + 1 == asks) return record;
    pause(between);
  }
}

Result<std::vector<TaskRecord>> all_tasks(Client& client, const JobId& id) {
  std::vector<TaskRecord> tasks;
  std::optional<std::uint64_t> from = 0;
  while (from) {
    Result<TaskPage> page = client.tasks(id, *from);
    if (!page) return page.error();
    if (page->next && *page->next <= *from) return Error{ErrorCode::InvalidInput, "the controller's pages of tasks do not go forward", {}};
    for (TaskRecord& task : page->tasks) tasks.push_back(std::move(task));
    from = page->next;
  }
  return tasks;
}

Result<FetchedResults> fetch_results(Client& client, Files& files, const JobId& id, const std::string& folder, const Progress& progress) {
  const std::string doing = "fetching the results of job " + id.text;
  if (const Done made = files.make_directory(folder, Access::Everyone); !made) return made.error().within(doing);
  FetchedResults results;
  const Result<std::vector<TaskRecord>> tasks = all_tasks(client, id);
  if (!tasks) return tasks.error().within(doing);
  for (const TaskRecord& task : *tasks) {
    ++results.tasks;
    if (task.result.empty()) {
      ++results.missing;
      continue;
    }
    if (const Done fetched = fetch_one(client, files, task, path_of_result(folder, task.number), results); !fetched) return fetched.error().within(doing);
    if (results.fetched > 0 && results.fetched % progress_every == 0) progress("fetched " + std::to_string(results.fetched) + " results");
  }
  return results;
}

}  // namespace fleet::client
