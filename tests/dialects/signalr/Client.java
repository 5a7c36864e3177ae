/*
 * Java's client of SignalR, unmodified, in a process that does as a test tells it (client.py): one JSON object to a line comes in,
 * each is answered by one with its `id`. What happens to a client meanwhile is reported as it comes: `{"who": …, "was": "invoked", …}`.
 */

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.microsoft.signalr.HubConnection;
import com.microsoft.signalr.HubConnectionBuilder;
import com.microsoft.signalr.TransportEnum;
import io.reactivex.rxjava3.core.Observable;
import io.reactivex.rxjava3.core.Single;
import io.reactivex.rxjava3.disposables.SerialDisposable;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.SocketFactory;

public final class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    private static final Class<JsonElement> ANY = JsonElement.class;
    private static final Map<String, TransportEnum> TRANSPORTS =
        Map.of("WebSockets", TransportEnum.WEBSOCKETS, "LongPolling", TransportEnum.LONG_POLLING);

    private final String who;
    private final HubConnection connection;
    private final Wires wires = new Wires();
    private final ArrayDeque<String> tokens = new ArrayDeque<>();

    public static void main(String[] arguments) throws Exception {
        var clients = new HashMap<String, Client>();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            var said = JsonParser.parseString(line).getAsJsonObject();
            try {
                if (text(said, "do").equals("make")) {
                    clients.put(text(said, "who"), new Client(said));
                    answer(said, object());
                } else {
                    clients.get(text(said, "who")).obey(said);
                }
            } catch (Exception error) {
                fail(said, error);
            }
        }
        System.exit(0);
    }

    private Client(JsonObject said) {
        who = text(said, "who");
        var options = said.getAsJsonObject("options");
        var builder = HubConnectionBuilder.create(text(said, "url")).setHttpClientBuilderCallback(http -> http.socketFactory(wires));
        if (options.has("transport")) builder.withTransport(TRANSPORTS.get(text(options, "transport")));
        if (options.has("skipNegotiation")) builder.shouldSkipNegotiate(options.get("skipNegotiation").getAsBoolean());
        if (options.has("headers")) options.getAsJsonObject("headers").entrySet().forEach(one -> builder.withHeader(one.getKey(), one.getValue().getAsString()));
        if (options.has("timeout")) builder.withServerTimeout(milliseconds(options, "timeout"));
        if (options.has("alive")) builder.withKeepAliveInterval(milliseconds(options, "alive"));
        if (options.has("tokens")) {
            options.getAsJsonArray("tokens").forEach(one -> tokens.add(one.getAsString()));
            builder.withAccessTokenProvider(Single.fromCallable(this::token));
        }
        connection = builder.build();
        watch(options);
    }

    /** The first of the tokens, and the next one each time it is asked for again. */
    private String token() {
        var token = tokens.size() > 1 ? tokens.remove() : tokens.element();
        report("token", object("token", new JsonPrimitive(token)));
        return token;
    }

    // What happens

    /** `hears` says of each name how many arguments it has, `answers` what is given back to one argument. */
    private void watch(JsonObject options) {
        connection.onClosed(error -> report("close", object("error", why(error))));
        if (options.has("hears")) options.getAsJsonObject("hears").entrySet().forEach(one -> hear(one.getKey(), one.getValue().getAsInt()));
        if (options.has("answers")) options.getAsJsonObject("answers").entrySet().forEach(one -> reply(one.getKey(), one.getValue()));
    }

    private void hear(String name, int count) {
        switch (count) {
            case 0 -> connection.on(name, () -> heard(name));
            case 1 -> connection.on(name, a -> heard(name, a), ANY);
            case 2 -> connection.on(name, (a, b) -> heard(name, a, b), ANY, ANY);
            case 3 -> connection.on(name, (a, b, c) -> heard(name, a, b, c), ANY, ANY, ANY);
            default -> throw new IllegalArgumentException("up to three arguments");
        }
    }

    private void reply(String name, JsonElement answer) {
        connection.onWithResult(name, given -> {
            heard(name, given);
            if (broken(answer) != null) throw broken(answer);
            return Single.just(answer);
        }, ANY);
    }

    private void heard(String name, JsonElement... arguments) {
        report("invoked", object("name", new JsonPrimitive(name), "args", array(arguments)));
    }

    private void report(String was, JsonObject said) {
        said.addProperty("who", who);
        said.addProperty("was", was);
        say(said);
    }

    // What it is told to do

    private void obey(JsonObject said) throws Exception {
        switch (text(said, "do")) {
            case "start" -> connection.start().subscribe(() -> answer(said, state()), error -> fail(said, error));
            case "stop" -> connection.stop().subscribe(() -> answer(said, object()), error -> fail(said, error));
            case "state" -> answer(said, state());
            case "invoke", "upload" -> connection.invoke(ANY, text(said, "name"), given(said))
                .subscribe(result -> answer(said, object("answer", result)), error -> fail(said, error));
            case "run" -> connection.invoke(text(said, "name"), given(said))
                .subscribe(() -> answer(said, object()), error -> fail(said, error));
            case "send" -> {
                connection.send(text(said, "name"), given(said));
                answer(said, object());
            }
            case "stream" -> stream(said);
            case "cut" -> answer(said, object("cut", new JsonPrimitive(wires.cut())));
            default -> throw new IllegalArgumentException("this client cannot " + text(said, "do"));
        }
    }

    /** The arguments; where there are `uploads`, behind them a stream for each, the first of several before them. */
    private static Object[] given(JsonObject said) {
        var given = new ArrayList<Object>();
        said.getAsJsonArray("args").forEach(given::add);
        if (!said.has("uploads")) return given.toArray();
        var uploads = said.getAsJsonArray("uploads");
        for (int at = 0; at < uploads.size(); at++) given.add(at == 0 && uploads.size() > 1 ? 0 : given.size(), items(uploads.get(at).getAsJsonArray()));
        return given.toArray();
    }

    /** A stream of these; the last one may say that it breaks. */
    private static Observable<JsonElement> items(JsonArray items) {
        return Observable.fromIterable(items).flatMap(item -> broken(item) == null ? Observable.just(item) : Observable.error(broken(item)), 1);
    }

    private static RuntimeException broken(JsonElement value) {
        return value instanceof JsonObject object && object.has("$error") ? new RuntimeException(text(object, "$error")) : null;
    }

    /** Give all that a stream gives; with `take` it is cancelled after so many. */
    private void stream(JsonObject said) {
        var items = new JsonArray();
        var running = new SerialDisposable();
        int take = said.has("take") ? said.get("take").getAsInt() : -1;
        running.set(connection.stream(ANY, text(said, "name"), given(said)).subscribe(item -> {
            items.add(item);
            if (items.size() != take) return;
            answer(said, object("items", items, "canceled", new JsonPrimitive(true)));
            running.dispose();
        }, error -> answer(said, object("items", items, "broken", why(error))), () -> answer(said, object("items", items))));
    }

    private JsonObject state() {
        var name = connection.getConnectionState().name();
        return object("state", new JsonPrimitive(name.charAt(0) + name.substring(1).toLowerCase()), "connection", maybe(connection.getConnectionId()),
            "transport", maybe(transport()), "stateful", new JsonPrimitive(false));
    }

    /** The name of what carries the connection, for which the client has no public word; null where nothing does. */
    private String transport() {
        try {
            Method method = HubConnection.class.getDeclaredMethod("getTransport");
            method.setAccessible(true);
            return method.invoke(connection).getClass().getSimpleName().replace("Transport", "");
        } catch (ReflectiveOperationException error) {
            return null;
        }
    }

    // Values

    private static void answer(JsonObject said, JsonObject answer) {
        answer.add("id", said.get("id"));
        say(answer);
    }

    private static void fail(JsonObject said, Throwable error) {
        answer(said, object("error", why(error)));
    }

    private static void say(JsonObject said) {
        synchronized (OUT) {
            OUT.println(said);
        }
    }

    private static String text(JsonObject object, String name) {
        return object.get(name).getAsString();
    }

    private static long milliseconds(JsonObject object, String name) {
        return (long) (object.get(name).getAsDouble() * 1000);
    }

    private static JsonElement why(Throwable error) {
        return maybe(error == null ? null : error.getMessage() == null ? error : error.getMessage());
    }

    private static JsonElement maybe(Object value) {
        return value == null ? JsonNull.INSTANCE : new JsonPrimitive(value.toString());
    }

    private static JsonArray array(JsonElement... items) {
        var array = new JsonArray();
        for (var item : items) array.add(item);
        return array;
    }

    private static JsonObject object(Object... fields) {
        var object = new JsonObject();
        for (int at = 0; at < fields.length; at += 2) object.add((String) fields[at], (JsonElement) fields[at + 1]);
        return object;
    }

    /** The network connections of one client, also those that became WebSockets. */
    private static final class Wires extends SocketFactory {
        private final Set<Socket> open = ConcurrentHashMap.newKeySet();

        @Override
        public Socket createSocket() {
            var socket = new Socket();
            open.add(socket);
            return socket;
        }

        int cut() throws IOException {
            open.removeIf(Socket::isClosed);
            for (var socket : open) socket.close();
            return open.size();
        }

        @Override
        public Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(String host, int port, InetAddress from, int at) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Socket createSocket(InetAddress host, int port, InetAddress from, int at) {
            throw new UnsupportedOperationException();
        }
    }
}
