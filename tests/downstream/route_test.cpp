#include "downstream/route.h"

#include <gtest/gtest.h>

namespace evergate::downstream {
namespace {

using kind = route::kind;

TEST(RouteTest, Table) {
  struct one {
    const char* target;
    kind what;
    const char* consumer;
    const char* rest;
  };
  const one table[] = {
      {"/api/v10/gateway/bot", kind::gateway_bot, "main", "/v10/gateway/bot"},
      {"/api/v9/gateway/bot", kind::gateway_bot, "main", "/v9/gateway/bot"},
      {"/api/v10/gateway", kind::gateway, "main", "/v10/gateway"},
      {"/api/gateway/bot?x=1", kind::gateway_bot, "main", "/gateway/bot?x=1"},
      {"/v10/gateway/bot", kind::gateway_bot, "main", "/v10/gateway/bot"},
      {"/c/staging/api/v10/gateway/bot", kind::gateway_bot, "staging", "/v10/gateway/bot"},
      {"/api/v10/channels/1/messages?limit=5", kind::rest, "main", "/v10/channels/1/messages?limit=5"},
      {"/v9/users/@me", kind::rest, "main", "/v9/users/@me"},
      {"/c/b_2/api/v10/users/@me", kind::rest, "b_2", "/v10/users/@me"},
      {"/health", kind::health, "main", ""},
      {"/ack", kind::ack, "main", ""},
      {"/", kind::unknown, "main", ""},
      {"/?v=10&encoding=json", kind::unknown, "main", ""},
      {"/c/staging", kind::unknown, "staging", ""},
      {"/c/staging?v=10", kind::unknown, "staging", ""},
      {"/c/staging/?v=10", kind::unknown, "staging", ""},
      {"/c/", kind::bad_consumer, "main", ""},
      {"/c/Upper/", kind::bad_consumer, "main", ""},
      {"/c/../x", kind::bad_consumer, "main", ""},
      {"/c/%2e/", kind::bad_consumer, "main", ""},
      {"/c/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/", kind::bad_consumer, "main", ""},
      {"/apiv10/x", kind::unknown, "main", ""},
      {"", kind::unknown, "main", ""},
  };
  for (const auto& [target, what, consumer, rest] : table) {
    const auto got = route_of(target);
    EXPECT_EQ(got.what, what) << target;
    EXPECT_EQ(got.consumer, consumer) << target;
    EXPECT_EQ(got.rest, rest) << target;
  }
  EXPECT_EQ(route_of("/c/staging/api/v10/gateway").prefix, "/c/staging");
}

}  // namespace
}  // namespace evergate::downstream
