/*
 * Java's socket.io-client, unmodified, in a process that does as a test tells it (client.py): one JSON object to a line comes in,
 * each is answered by one with its `id`. What happens to a client meanwhile is reported as it comes: `{"who": …, "was": "connect", …}`.
 *
 * Bytes are {"$bytes": base64} in both directions.
 */

import io.socket.client.Ack;
import io.socket.client.AckWithTimeout;
import io.socket.client.IO;
import io.socket.client.Manager;
import io.socket.client.Socket;
import io.socket.engineio.client.Transport;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.net.InetAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import javax.net.SocketFactory;
import okhttp3.OkHttpClient;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

public final class Client {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    private final String who;
    private final Socket socket;
    private final Wires wires = new Wires();
    private final Map<String, String> auth = new HashMap<>();
    private final Map<Integer, Ack> answers = new ConcurrentHashMap<>();
    private final AtomicInteger asked = new AtomicInteger();
    private Object watched; // the engine whose news are reported

    public static void main(String[] arguments) throws Exception {
        var clients = new HashMap<String, Client>();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line; (line = lines.readLine()) != null; ) {
            var said = new JSONObject(line);
            try {
                if (said.getString("do").equals("connect")) clients.put(said.getString("who"), new Client(said));
                var given = clients.get(said.getString("who")).obey(said);
                if (given != null) say(given.put("id", said.get("id")));
            } catch (Exception error) {
                say(object("id", said.get("id"), "error", error.toString()));
            }
        }
        System.exit(0);
    }

    private Client(JSONObject said) throws Exception {
        who = said.getString("who");
        var options = options(said.getJSONObject("options"));
        options.auth = auth;
        options.callFactory = wires.client;
        options.webSocketFactory = wires.client;
        socket = IO.socket(URI.create(said.getString("url")), options);
        watch();
        if (said.getJSONObject("options").optBoolean("autoConnect", true)) socket.connect();
    }

    /** The client's own options, by their names there. */
    private IO.Options options(JSONObject given) throws Exception {
        var options = new IO.Options();
        for (var names = given.keys(); names.hasNext(); ) {
            var name = (String) names.next();
            if (name.equals("auth")) show(given.getJSONObject(name));
            else if (!name.equals("autoConnect")) IO.Options.class.getField(name).set(options, plain(given.get(name)));
        }
        return options;
    }

    private static Object plain(Object value) throws JSONException {
        if (value instanceof JSONArray array) return texts(array).toArray(new String[0]);
        if (!(value instanceof JSONObject object)) return value;
        var headers = new HashMap<String, List<String>>();
        for (var names = object.keys(); names.hasNext(); ) {
            var name = (String) names.next();
            headers.put(name, List.of(object.getString(name)));
        }
        return headers;
    }

    private static List<String> texts(JSONArray array) throws JSONException {
        var texts = new ArrayList<String>();
        for (int at = 0; at < array.length(); at++) texts.add(array.getString(at));
        return texts;
    }

    private void show(JSONObject given) throws JSONException {
        auth.clear();
        for (var names = given.keys(); names.hasNext(); ) {
            var name = (String) names.next();
            auth.put(name, given.getString(name));
        }
    }

    // What happens

    private void watch() {
        var manager = socket.io();
        socket.on(Socket.EVENT_CONNECT, args -> report("connect", state()));
        socket.on(Socket.EVENT_CONNECT_ERROR, args -> report("connect_error", refusal(args[0])));
        socket.on(Socket.EVENT_DISCONNECT, args -> report("disconnect", object("reason", args[0], "active", socket.isActive())));
        socket.onAnyIncoming(this::heard);
        manager.on(Manager.EVENT_TRANSPORT, args -> watchEngine());
        manager.on(Manager.EVENT_RECONNECT_ATTEMPT, args -> report("reconnect_attempt", object("attempt", args[0])));
        manager.on(Manager.EVENT_RECONNECT, args -> report("reconnect", object("attempt", args[0])));
        manager.on(Manager.EVENT_RECONNECT_ERROR, args -> report("reconnect_error", object("message", why(args[0]))));
        manager.on(Manager.EVENT_RECONNECT_FAILED, args -> report("reconnect_failed", object()));
        manager.on(Manager.EVENT_ERROR, args -> report("error", object("message", why(args[0]))));
    }

    private void watchEngine() {
        var engine = engine();
        if (engine == watched) return;
        watched = engine;
        engine.on("upgrade", args -> report("upgrade", object("transport", ((Transport) args[0]).name)));
        engine.on("upgradeError", args -> report("upgrade_error", object("message", why(args[0]))));
        engine.on("ping", args -> report("ping", object()));
    }

    private void heard(Object... args) {
        var acknowledged = args[args.length - 1] instanceof Ack;
        var said = new JSONArray();
        for (int at = 1; at < args.length - (acknowledged ? 1 : 0); at++) said.put(written(args[at]));
        var report = object("name", args[0], "args", said);
        if (acknowledged) {
            int number = asked.incrementAndGet();
            answers.put(number, (Ack) args[args.length - 1]);
            put(report, "number", number);
        }
        report("event", report);
    }

    /** A refusal is an object of the server's, or an exception. */
    private JSONObject refusal(Object given) {
        if (!(given instanceof JSONObject said)) return object("message", why(given), "active", socket.isActive());
        return object("message", said.opt("message"), "data", written(said.opt("data")), "active", socket.isActive());
    }

    private static String why(Object given) {
        return given instanceof Exception error && error.getCause() != null ? error + ": " + why(error.getCause()) : given.toString();
    }

    private void report(String was, JSONObject said) {
        put(said, "who", who);
        say(put(said, "was", was));
    }

    // What it is told to do

    /** The answer; none yet where an acknowledgement has to come first. */
    private JSONObject obey(JSONObject said) throws Exception {
        switch (said.getString("do")) {
            case "connect" -> {}
            case "emit" -> socket.emit(said.getString("name"), values(said.getJSONArray("args")));
            case "ask", "ask_one" -> ask(said);
            case "answer" -> answers.remove(said.getInt("number")).call(values(said.getJSONArray("args")));
            case "on" -> on(said.getString("name"), values(said.getJSONArray("answer")));
            case "auth" -> show(said.getJSONObject("auth"));
            case "state" -> { return state(); }
            case "drop" -> engine().close();
            case "cut" -> { return object("cut", wires.cut()); }
            case "open" -> socket.connect();
            case "disconnect" -> socket.disconnect();
            default -> throw new IllegalArgumentException("this client cannot " + said.getString("do"));
        }
        return said.getString("do").startsWith("ask") ? null : object();
    }

    private void ask(JSONObject said) throws JSONException {
        Ack given = args -> answered(said, args);
        if (!said.isNull("timeout")) {
            given = new AckWithTimeout((long) (said.getDouble("timeout") * 1000)) {
                @Override
                public void onSuccess(Object... args) {
                    answered(said, args);
                }

                @Override
                public void onTimeout() {
                    say(object("id", said.opt("id"), "error", "operation has timed out"));
                }
            };
        }
        socket.emit(said.getString("name"), values(said.getJSONArray("args")), given);
    }

    private static void answered(JSONObject said, Object... args) {
        var answer = new JSONArray();
        for (var one : args) answer.put(written(one));
        say(object("id", said.opt("id"), "answer", said.opt("do").equals("ask") ? answer : answer.opt(0)));
    }

    /** Acknowledge every event of this name at once. */
    private void on(String name, Object... answer) {
        socket.on(name, args -> {
            if (args[args.length - 1] instanceof Ack ack) ack.call(answer);
        });
    }

    private JSONObject state() {
        var engine = engine();
        return object("connected", socket.connected(), "sid", socket.id(), "recovered", false, "active", socket.isActive(),
            "engine", engine == null ? null : engine.id(), "transport", engine == null ? null : ((Transport) hidden(engine, "transport")).name);
    }

    private io.socket.engineio.client.Socket engine() {
        return (io.socket.engineio.client.Socket) hidden(socket.io(), "engine");
    }

    /** What the client has no public name for. */
    private static Object hidden(Object of, String name) {
        for (Class<?> at = of.getClass(); at != null; at = at.getSuperclass()) {
            try {
                Field field = at.getDeclaredField(name);
                field.setAccessible(true);
                return field.get(of);
            } catch (ReflectiveOperationException error) {
                // its class inherits it
            }
        }
        throw new IllegalArgumentException(name);
    }

    // Values

    private static void say(JSONObject said) {
        synchronized (OUT) {
            OUT.println(said);
        }
    }

    private static JSONObject object(Object... fields) {
        var object = new JSONObject();
        for (int at = 0; at < fields.length; at += 2) put(object, (String) fields[at], fields[at + 1]);
        return object;
    }

    private static JSONObject put(JSONObject object, String name, Object value) {
        try {
            return object.put(name, value == null ? JSONObject.NULL : value);
        } catch (JSONException error) {
            throw new IllegalArgumentException(error);
        }
    }

    private static Object written(Object value) {
        if (value instanceof byte[] bytes) return object("$bytes", Base64.getEncoder().encodeToString(bytes));
        return through(value == null ? JSONObject.NULL : value, Client::written);
    }

    private static Object read(Object value) {
        if (value instanceof JSONObject object && object.has("$bytes")) return Base64.getDecoder().decode(object.optString("$bytes"));
        return through(value, Client::read);
    }

    private static Object[] values(JSONArray array) {
        var values = new Object[array.length()];
        for (int at = 0; at < values.length; at++) values[at] = read(array.opt(at));
        return values;
    }

    private static Object through(Object value, UnaryOperator<Object> each) {
        if (value instanceof JSONArray array) {
            var copy = new JSONArray();
            for (int at = 0; at < array.length(); at++) copy.put(each.apply(array.opt(at)));
            return copy;
        }
        if (!(value instanceof JSONObject object)) return value;
        var copy = new JSONObject();
        for (Iterator<?> names = object.keys(); names.hasNext(); ) {
            var name = (String) names.next();
            put(copy, name, each.apply(object.opt(name)));
        }
        return copy;
    }

    /** The network connections of one client, also those that became WebSockets. */
    private static final class Wires extends SocketFactory {
        private final Set<java.net.Socket> open = ConcurrentHashMap.newKeySet();
        private final OkHttpClient client =
            new OkHttpClient.Builder().readTimeout(1, TimeUnit.MINUTES).socketFactory(this).build(); // a minute is the library's own

        @Override
        public java.net.Socket createSocket() {
            var socket = new java.net.Socket();
            open.add(socket);
            return socket;
        }

        int cut() throws IOException {
            open.removeIf(java.net.Socket::isClosed);
            for (var socket : open) socket.close();
            return open.size();
        }

        @Override
        public java.net.Socket createSocket(String host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public java.net.Socket createSocket(InetAddress host, int port) {
            throw new UnsupportedOperationException();
        }

        @Override
        public java.net.Socket createSocket(String host, int port, InetAddress from, int at) {
            throw new UnsupportedOperationException();
        }

        @Override
        public java.net.Socket createSocket(InetAddress host, int port, InetAddress from, int at) {
            throw new UnsupportedOperationException();
        }
    }
}
