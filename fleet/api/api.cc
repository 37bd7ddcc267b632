#include "fleet/api/api.h"

#include "fleet/api/json_body.h"
#include "policies/vocabulary/hex.h"

namespace fleet::api {
namespace {

std::vector<std::string> split(std::string_view path) {
  std::vector<std::string> words;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    words.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return words;
}

Result<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    Result<std::string> byte = bytes_of_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return Error{ErrorCode::InvalidInput, "'%' is not followed by two hexadecimal digits", {}};
    decoded += *byte;
    i += 2;
  }
  return decoded;
}

Result<std::map<std::string, std::string>> query_of(std::string_view text) {
  std::map<std::string, std::string> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    Result<std::string> name = percent_decoded(pair.substr(0, equals));
    Result<std::string> value = percent_decoded(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name) return name.error();
    if (!value) return value.error();
    query[*name] = *std::move(value);
  }
  return query;
}

// The words for {..} when the path fits the pattern.
std::optional<std::vector<std::string>> fit(const std::string& pattern, const std::vector<std::string>& path) {
  const std::vector<std::string> parts = split(pattern);
  if (parts.size() != path.size()) return std::nullopt;
  std::vector<std::string> words;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].starts_with('{')) {
      if (path[i].empty() || path[i].size() > 256) return std::nullopt;
      words.push_back(path[i]);
    } else if (parts[i] != path[i]) {
      return std::nullopt;
    }
  }
  return words;
}

Done admit(const Route& route, const registry::Caller& caller) {
  if (route.audience == Audience::Anyone) return {};
  if (caller.key.empty()) return Error{ErrorCode::Unauthenticated, "this route needs a client certificate", {}};
  const bool machine = !caller.machine.empty();
  const bool admitted = (route.audience == Audience::Machine && machine) || (route.audience == Audience::Client && caller.client) ||
                        (route.audience == Audience::MachineOrClient && (machine || caller.client)) ||
                        (route.audience == Audience::Staff && caller.staff);
  if (admitted) return {};
  return Error{ErrorCode::PermissionDenied, "this certificate's key may not use " + route.method + " " + route.pattern, {}};
}

std::string described(const registry::Caller& caller) {
  if (!caller.machine.empty()) return "machine " + caller.machine.text.substr(0, 12);
  if (caller.staff) return "staff " + caller.party.text;
  if (caller.client) return "client " + caller.party.text;
  return "anyone";
}

}  // namespace

std::vector<Route> all_routes() {
  std::vector<Route> routes;
  for (auto part : {enrolment_routes, machine_routes, element_routes, object_routes, job_routes, staff_routes, money_routes}) {
    std::vector<Route> more = part();
    std::move(more.begin(), more.end(), std::back_inserter(routes));
  }
  return routes;
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::InvalidInput: return 400;
    case ErrorCode::Unauthenticated: return 401;
    case ErrorCode::PermissionDenied: return 403;
    case ErrorCode::NotFound: return 404;
    case ErrorCode::AlreadyExists:
    case ErrorCode::Conflict: return 409;
    case ErrorCode::LimitExceeded: return 413;
    case ErrorCode::Refused: return 422;
    case ErrorCode::Unavailable:
    case ErrorCode::Interrupted: return 503;
    case ErrorCode::OutOfSpace: return 507;
    case ErrorCode::Unsupported: return 501;
    case ErrorCode::Corrupt:
    case ErrorCode::IoFailure: return 500;
  }
  return 500;
}

agent::link::HttpResponse answer_of(const Error& error) {
  return json_answer(status_of(error.code), {{"code", name_of(error.code)}, {"message", error.text()}});
}

Api::Api(operations::Operations& operations, store::Store& store, store::Committer& committer, const Clock& clock)
    : context_{operations, store}, committer_(committer), clock_(clock), routes_(all_routes()) {}

Result<agent::link::HttpResponse> Api::serve(const Request& request, Instant now, store::Batch& batch) {
  const std::size_t mark = request.target.find('?');
  if (!request.target.starts_with('/') || request.target.size() > 4096)
    return Error{ErrorCode::InvalidInput, "the request's path is not one of ours", {}};
  const std::vector<std::string> path = split(std::string_view(request.target).substr(0, mark));
  bool path_known = false;
  for (const Route& route : routes_) {
    std::optional<std::vector<std::string>> words = fit(route.pattern, path);
    if (!words) continue;
    path_known = true;
    if (route.method != request.method) continue;
    Result<std::map<std::string, std::string>> query =
        query_of(mark == std::string::npos ? std::string_view() : std::string_view(request.target).substr(mark + 1));
    if (!query) return query.error();
    const registry::Caller caller = request.peer.empty() ? registry::Caller{} : context_.operations.who(request.peer);
    registry::Caller known = caller;
    known.key = request.peer;
    if (Done admitted = admit(route, known); !admitted) return admitted.error();
    Call call{request, known, described(known), *std::move(words), *std::move(query), now};
    return route.serve(context_, call, batch);
  }
  if (path_known) return json_answer(405, {{"code", "invalid-input"}, {"message", "this path does not take " + request.method}});
  return Error{ErrorCode::NotFound, "no such path; API.md lists them", {}};
}

void Api::commit(store::Batch batch, std::function<void(const Done&)> then) {
  std::vector<Digest> unneeded = context_.operations.take_unneeded();
  committer_.submit(std::move(batch), [this, then = std::move(then), unneeded = std::move(unneeded)](const Done& done) {
    if (!done && !broken_) broken_ = done.error();
    if (done && !unneeded.empty()) context_.operations.erase_elements(unneeded);
    then(done);
  });
}

void Api::handle(const Request& request, Responder respond) {
  if (broken_) return respond(answer_of(Error{ErrorCode::Unavailable, "the controller is stopping: " + broken_->message, {}}));
  store::Batch batch;
  Result<agent::link::HttpResponse> served = serve(request, clock_.now(), batch);
  agent::link::HttpResponse answer = served ? *std::move(served) : answer_of(served.error());
  commit(std::move(batch), [respond, answer = std::move(answer)](const Done& done) {
    respond(done ? answer : answer_of(done.error().within("making the change durable")));
  });
}

void Api::tick() {
  if (broken_) return;
  // Some rounds only, so that requests get their turn between ticks.
  for (int round = 0; round < 16; ++round) {
    store::Batch batch;
    const bool more = context_.operations.tick(clock_.now(), batch);
    if (!batch.empty()) commit(std::move(batch), [](const Done&) {});
    if (!more) return;
  }
}

}  // namespace fleet::api
