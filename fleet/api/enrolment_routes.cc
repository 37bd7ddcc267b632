// What anyone may ask: health, and a machine's way in.
#include <boost/json.hpp>

#include "fleet/api/api.h"
#include "fleet/api/json_body.h"

namespace fleet::api {
namespace {

Result<agent::link::HttpResponse> health(Context& context, Call& call, store::Batch&) {
  const operations::Figures figures = context.operations.figures(call.now);
  return json_answer(200, {{"status", "ok"},
                           {"version", "0.1.0"},
                           {"parts",
                            {{"machines", figures.machines},
                             {"machines_online", figures.machines_online},
                             {"machines_leased", figures.machines_leased},
                             {"objects", figures.objects},
                             {"jobs", figures.jobs},
                             {"ledger_entries", figures.entries},
                             {"events", figures.events}}}});
}

Result<agent::link::HttpResponse> nonce(Context& context, Call& call, store::Batch&) {
  const operations::NonceAnswer answer = context.operations.nonce(call.now);
  return json_answer(200, {{"nonce", answer.nonce},
                           {"authority_pem", answer.authority_pem},
                           {"controller_key_pem", answer.controller_key_pem}});
}

Result<agent::link::HttpResponse> enrol(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  const std::string enrolment = body->text("enrolment", 256 * 1024);
  if (Done finished = body->finish(); !finished) return finished.error();
  Result<operations::EnrolmentAnswer> answer = context.operations.enrol(enrolment, call.now, batch);
  if (!answer) return answer.error();
  json::object written = {{"agreement", answer->agreement.text}, {"countersigned", answer->countersigned}};
  if (answer->outcome == operations::EnrolmentOutcome::Declined) {
    written["state"] = "declined";
    written["release_order"] = answer->release_order;
    return json_answer(200, written);
  }
  written["state"] = "leased";
  written["certificate_pem"] = answer->certificate_pem;
  written["authority_pem"] = answer->authority_pem;
  boost::system::error_code failure;
  json::value terms = json::parse(answer->terms_text, failure);
  invariant(!failure && terms.is_object(), "the canonical terms are a JSON object");
  written["terms"] = std::move(terms);
  return json_answer(200, written);
}

Result<agent::link::HttpResponse> take_receipt(Context& context, Call& call, store::Batch& batch) {
  Result<Body> body = Body::of(call.request.body);
  if (!body) return body.error();
  const std::string receipt = body->text("receipt", 128 * 1024);
  if (Done finished = body->finish(); !finished) return finished.error();
  Result<policies::terms::MachineState> state = context.operations.take_receipt(receipt, call.now, batch);
  if (!state) return state.error();
  return json_answer(200, {{"state", policies::terms::name_of(*state)}});
}

}  // namespace

std::vector<Route> enrolment_routes() {
  return {{"GET", "/v1/health", Audience::Anyone, health},
          {"GET", "/v1/enrolments/nonce", Audience::Anyone, nonce},
          {"POST", "/v1/enrolments", Audience::Anyone, enrol},
          {"POST", "/v1/receipts", Audience::Anyone, take_receipt}};
}

}  // namespace fleet::api
