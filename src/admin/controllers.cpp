// The part of the API that shows how overrides of controllers do, and reads their script again.
#include <fmt/format.h>

#include "admin/api.h"
#include "admin/json_writer.h"

namespace evergate::admin {
namespace {

void write_controller(const controller_status& one, json_writer& out) {
  out.object().put("name", one.name).array("overridden_in");
  if (one.in_lua) out.put("lua");
  if (one.in_cpp) out.put("c++");
  const auto mean = one.calls == 0 ? 0 : one.total.count() / static_cast<std::int64_t>(one.calls);
  out.end().put("calls", one.calls).put("failures", one.failures).put("slow", one.slow);
  out.put("mean_ns", mean).put("slowest_ns", one.slowest.count()).put("last_failure", one.last_failure).end();
}

}  // namespace

answer api::list_controllers() const {
  json_writer out;
  const auto script = around_.controllers.script();
  out.object().object("script").put("file", script.file);
  out.put("version", script.version == 0 ? std::string() : fmt::format("{:08x}", script.version)).end();
  out.array("controllers");
  for (const auto& one : around_.controllers.list()) write_controller(one, out);
  out.end().end();
  return {200, out.take()};
}

void api::add_controllers(std::vector<operation>& to) {
  to.push_back({"GET",
                "/v1/controllers",
                "controllers",
                "Every decision that can be overridden: whether it is, and how its override does",
                {},
                [this](const call&, reply back) { back(list_controllers()); }});
  to.push_back({"POST",
                "/v1/controllers/reload",
                "controllers_reload",
                "Reads controllers.script again; one with an error is refused and the old one stays",
                {},
                [this](const call&, reply back) {
                  if (auto done = around_.controllers.reload(); !done) {
                    return back(failure(409, "bad_script", done.error().text()));
                  }
                  back(list_controllers());
                }});
}

}  // namespace evergate::admin
