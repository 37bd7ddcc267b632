#include "agent/daemon/https_channels.h"

#include <boost/json.hpp>

#include "images/keys/certificates.h"

namespace agent::daemon {
namespace {

constexpr std::size_t refusal_max = 4096;

ErrorCode code_of(int status) {
  switch (status) {
    case 400:
      return ErrorCode::InvalidInput;
    case 401:
      return ErrorCode::Unauthenticated;
    case 403:
      return ErrorCode::PermissionDenied;
    case 404:
      return ErrorCode::NotFound;
    case 409:
      return ErrorCode::Conflict;
    case 413:
      return ErrorCode::LimitExceeded;
    case 422:
      return ErrorCode::Refused;
    case 507:
      return ErrorCode::OutOfSpace;
    default:
      return ErrorCode::Unavailable;
  }
}

// The body of an answer with status 2xx, else an error with what the controller said.
Result<std::string> body_of(Result<link::HttpResponse> response) {
  if (!response) return std::move(response).error();
  if (response->status >= 200 && response->status < 300) return std::move(response->body);
  std::string said = response->body.substr(0, refusal_max);
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(said, error);
  if (!error && value.is_object()) {
    const boost::json::value* message = value.get_object().if_contains("message");
    if (message != nullptr && message->is_string())
      said = std::string(message->get_string().data(), message->get_string().size());
  }
  for (char& byte : said) byte = static_cast<unsigned char>(byte) < 0x20 ? ' ' : byte;
  return Error{
      code_of(response->status), "the controller answered " + std::to_string(response->status) + ": " + said, {}};
}

link::HttpRequest json_request(const char* target, const char* field, const std::string& text) {
  return {.method = "POST",
          .target = target,
          .headers = {{"content-type", "application/json"}},
          .body = boost::json::serialize(boost::json::object{{field, text}})};
}

template <typename Value>
Result<Value> read_as(Result<std::string> body, Result<Value> (*reader)(std::string_view)) {
  if (!body) return std::move(body).error();
  return reader(*body);
}

Done done_of(const Result<std::string>& body) { return body ? Done{} : Done(body.error()); }

}  // namespace

Channel::Channel(ChannelSettings settings, const Clock& clock)
    : settings_(std::move(settings)), clock_(clock), thread_([this] { run(); }) {}

Channel::~Channel() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.clear();
  }
  changed_.notify_one();
  thread_.join();
}

void Channel::present(const std::string& certificate_pem) {
  const std::lock_guard lock(mutex_);
  certificate_pem_ = certificate_pem;
  certificate_changed_ = true;
}

void Channel::begin(Work work, Failed failed) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace_back(std::move(work), std::move(failed));
  }
  changed_.notify_one();
}

Result<link::HttpExchange*> Channel::connection() {
  link::HttpsClientSettings settings;
  {
    const std::lock_guard lock(mutex_);
    if (exchange_ && !certificate_changed_ && clock_.now() < presented_until_) return exchange_.get();
    settings.certificate_pem = certificate_pem_;
    certificate_changed_ = false;
  }
  exchange_.reset();
  Result<link::Endpoint> endpoint = link::endpoint_from(settings_.controller);
  if (!endpoint) return std::move(endpoint).error();
  settings.host = endpoint->host;
  settings.port = endpoint->port;
  settings.authority_pem = settings_.authority_pem;
  // An expired certificate only gets the handshake refused; without one the machine can still enrol again.
  const auto facts = images::keys::certificate_facts(settings.certificate_pem);
  const bool valid = facts && clock_.now() < facts->not_after;
  presented_until_ = valid ? facts->not_after : Instant::max();
  if (!valid) settings.certificate_pem.clear();
  if (valid) settings.private_key_pem = settings_.private_key_pem;
  settings.timeout = settings_.timeout;
  Result<std::unique_ptr<link::HttpExchange>> made = link::make_https_client(std::move(settings), clock_);
  if (!made) return std::move(made).error();
  exchange_ = *std::move(made);
  return exchange_.get();
}

void Channel::run() {
  for (;;) {
    std::pair<Work, Failed> next;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
      if (closing_) return;
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Result<link::HttpExchange*> exchange = connection();
    if (exchange) {
      next.first(**exchange);
    } else {
      next.second(exchange.error());
    }
  }
}

HttpsChannels::HttpsChannels(const ChannelSettings& settings, const Clock& clock, Mailbox& mailbox)
    : machine_(settings.machine), mailbox_(mailbox), messages_(settings, clock), elements_(settings, clock) {}

namespace {

void begin_on(Channel& channel, Mailbox& mailbox, link::HttpRequest request,
              std::function<Event(Result<std::string>)> event) {
  channel.begin([&mailbox, request = std::move(request),
                 event](link::HttpExchange& exchange) { mailbox.post(event(body_of(exchange.exchange(request)))); },
                [&mailbox, event](const Error& error) { mailbox.post(event(Result<std::string>(error))); });
}

}  // namespace

void HttpsChannels::ask(link::HttpRequest request, std::function<Event(Result<std::string>)> event) {
  begin_on(messages_, mailbox_, std::move(request), std::move(event));
}

void HttpsChannels::move(link::HttpRequest request, std::function<Event(Result<std::string>)> event) {
  begin_on(elements_, mailbox_, std::move(request), std::move(event));
}

void HttpsChannels::begin_nonce() {
  ask({.method = "GET", .target = "/v1/enrolments/nonce", .headers = {}, .body = {}}, [](Result<std::string> body) {
    return Event(std::in_place_type<NonceArrived>, read_as<Nonce>(std::move(body), nonce_from));
  });
}

void HttpsChannels::begin_enrolment(const std::string& dsse) {
  ask(json_request("/v1/enrolments", "enrolment", dsse), [](Result<std::string> body) {
    return Event(std::in_place_type<EnrolmentAnswered>,
                 read_as<EnrolmentAnswer>(std::move(body), enrolment_answer_from));
  });
}

void HttpsChannels::begin_frame(const std::string& encoded) {
  ask({.method = "POST",
       .target = "/v1/machines/" + machine_.text + "/messages",
       .headers = {{"content-type", "application/vnd.leaseback.frame"}},
       .body = encoded},
      [](Result<std::string> body) { return Event(std::in_place_type<FrameArrived>, std::move(body)); });
}

void HttpsChannels::begin_receipt(const std::string& dsse) {
  ask(json_request("/v1/receipts", "receipt", dsse),
      [](const Result<std::string>& body) { return Event(std::in_place_type<ReceiptTaken>, done_of(body)); });
}

void HttpsChannels::begin_slot_key() {
  ask({.method = "POST", .target = "/v1/machines/" + machine_.text + "/slot-key", .headers = {{"content-type", "application/json"}}, .body = "{}"},
      [](Result<std::string> body) { return Event(std::in_place_type<SlotKeyArrived>, read_as<std::string>(std::move(body), partition::slot_key_from)); });
}

void HttpsChannels::present(const std::string& certificate_pem) {
  messages_.present(certificate_pem);
  elements_.present(certificate_pem);
}

void HttpsChannels::begin_get(std::uint64_t transfer, const Digest& digest, Bytes size_max, const std::string& ticket) {
  move({.method = "GET",
        .target = "/v1/elements/" + digest.text,
        .headers = {{"leaseback-ticket", images::keys::base64_of(ticket)}},
        .body = {}},
       [transfer, size_max](Result<std::string> body) {
         if (body && body->size() > size_max.count) {
           body = Error{ErrorCode::LimitExceeded,
                        "the element is larger than the " + size_max.text() + " that were promised",
                        {}};
         }
         return Event(std::in_place_type<ElementArrived>, transfer, std::move(body));
       });
}

void HttpsChannels::begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes,
                              const std::string& ticket) {
  move(
      {.method = "PUT",
       .target = "/v1/elements/" + digest.text,
       .headers = {{"leaseback-ticket", images::keys::base64_of(ticket)}, {"content-type", "application/octet-stream"}},
       .body = std::move(bytes)},
      [transfer](const Result<std::string>& body) {
        return Event(std::in_place_type<ElementTaken>, transfer, done_of(body));
      });
}

}  // namespace agent::daemon
